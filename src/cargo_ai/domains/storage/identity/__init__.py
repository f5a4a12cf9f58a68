"""Identity: merge duplicates, and resolve records of several models to accounts and contacts."""
