"""File formats: CSV, NDJSON and Parquet read and written as streams, and downloads."""
