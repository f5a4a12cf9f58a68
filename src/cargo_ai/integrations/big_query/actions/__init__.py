"""Actions of BigQuery: queries, statements, and rows that are inserted or upserted."""
