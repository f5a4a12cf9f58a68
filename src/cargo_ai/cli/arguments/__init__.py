"""What a person typed: parsed, converted, completed, and names found for what is asked by uuid."""
