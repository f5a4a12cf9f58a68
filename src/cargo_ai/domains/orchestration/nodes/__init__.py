"""Single nodes and actions: list, validate, compute and execute them without a workflow."""
