"""The HTTP client of the command line: requests, waits, uploads, downloads."""
