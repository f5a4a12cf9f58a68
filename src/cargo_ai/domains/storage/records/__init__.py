"""Records: written, ingested from files, read, exported and pruned."""
