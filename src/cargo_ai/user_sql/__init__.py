"""Users' SQL: one read-only SELECT, checked, translated to PostgreSQL (the only database) and run as the workspace's own login."""
