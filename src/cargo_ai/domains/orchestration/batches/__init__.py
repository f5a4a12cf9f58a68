"""Batches: many records through one graph, from their data source to their webhook."""
