"""Wire types and operations of the records of a model: read, written, ingested, merged and undone."""
