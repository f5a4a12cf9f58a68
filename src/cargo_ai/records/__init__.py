"""The warehouse: where model records live: column types, physical names, filters and user SQL, reached through this driver only."""
