"""The store: PostgreSQL (by default an embedded one) with its tables, sessions and migrations, and the file store."""
