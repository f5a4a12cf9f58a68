"""Forms from JSON Schema: a schema becomes fields, a value becomes what they show, and what was posted becomes a value again."""
