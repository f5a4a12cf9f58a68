"""The system-of-record domain: SQL on the workspace's data, run as its own login, and the log of it."""
