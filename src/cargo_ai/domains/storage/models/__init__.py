"""Models: created, related, refreshed from their source, indexed and removed."""
