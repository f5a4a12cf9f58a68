"""The storage room: models, their columns and relationships, and the records in them."""
