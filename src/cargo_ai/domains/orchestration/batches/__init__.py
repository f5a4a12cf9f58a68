"""Batches: create and list them, their data and sources, previews, pacing, resuming and webhooks."""
