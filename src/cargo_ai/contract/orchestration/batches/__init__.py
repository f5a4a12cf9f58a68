"""Batches: what they run on, how fast, and how far they are."""
