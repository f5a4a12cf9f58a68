"""Views of models, records, change sets and SQL."""
