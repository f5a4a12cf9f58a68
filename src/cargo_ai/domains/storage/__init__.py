"""Storage: models, their columns and relationships, and the records in them."""
