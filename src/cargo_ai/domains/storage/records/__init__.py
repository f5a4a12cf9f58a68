"""Records: write them, ingest them from files, read, export and prune them."""
