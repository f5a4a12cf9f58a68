"""The embedded PostgreSQL: its binaries, data home, user, processes and roles."""
