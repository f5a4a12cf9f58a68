"""Hooks: what the events that other services send start."""
