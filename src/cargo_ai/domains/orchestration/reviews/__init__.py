"""Reviews by people: list, decide and link them, and notify assignees."""
