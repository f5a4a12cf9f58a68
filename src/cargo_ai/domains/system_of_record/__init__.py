"""The system of record room: SQL on the workspace's data, run as the workspace's own login, and the log of it."""
