"""Libraries, which files belong to."""
