"""The room of expressions."""
