"""Pages about the server: what waits in its queue, and search."""
