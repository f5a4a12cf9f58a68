"""Merging duplicate records: finding them, merging, undoing, and following references."""
