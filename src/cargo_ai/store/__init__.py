"""The store: PostgreSQL (an embedded one by default), its tables, sessions and migrations, and the files beside it."""
