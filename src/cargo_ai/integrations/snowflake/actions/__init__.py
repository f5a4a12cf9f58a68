"""Actions of Snowflake: queries, statements, and rows that are inserted or upserted."""
