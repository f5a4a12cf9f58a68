"""User SQL: one read-only SELECT in Postgres' or BigQuery's spelling, checked, rewritten and run as a login of the workspace's own."""
