"""The HTTP API: from the bytes of a request to its response."""
