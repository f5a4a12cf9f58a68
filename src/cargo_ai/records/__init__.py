"""Records of models in PostgreSQL, the only database that is supported: tables, views, filters, bulk loads, merges."""
