"""Which runs and records a request asks for, as conditions that are found by index."""
