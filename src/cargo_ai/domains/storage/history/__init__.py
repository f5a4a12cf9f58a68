"""Change sets: who wrote which records, what stood in them before, and how to take it back."""
