"""Identity: duplicates merged, and records of several models resolved to one account or contact."""
