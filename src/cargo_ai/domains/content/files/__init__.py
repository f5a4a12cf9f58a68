"""Files: their rows, what is done with them, and the work that makes them searchable."""
