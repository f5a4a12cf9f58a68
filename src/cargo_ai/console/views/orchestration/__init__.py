"""Pages about tools, plays, runs and batches."""
