"""What the model actions have in common: reading their configs, one transaction per node, grouped writes."""
