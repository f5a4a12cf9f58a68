"""Dialects: functions of BigQuery and ClickHouse as their equals in PostgreSQL."""
