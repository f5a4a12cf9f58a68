"""Single nodes and actions: listed, validated, computed and executed without a workflow."""
