"""The expression domain: evaluating an expression, and recipes."""
