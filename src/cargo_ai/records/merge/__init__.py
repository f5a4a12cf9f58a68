"""Find duplicate records, merge them, undo a merge, and relink foreign keys."""
