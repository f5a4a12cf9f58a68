"""Run checked queries as the workspace's own login, within limits of time, memory and number."""
