"""Syncs: models that are filled from connectors, page by page, once and then by what changed."""
