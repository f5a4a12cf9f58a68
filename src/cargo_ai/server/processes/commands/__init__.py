"""Commands of a server's operator: start, stop, status, log."""
