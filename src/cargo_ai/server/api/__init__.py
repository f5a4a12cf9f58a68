"""The HTTP API: every request from its bytes to its reply."""
