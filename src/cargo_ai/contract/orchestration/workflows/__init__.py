"""Workflows: tools and plays with their releases, and templates to begin with."""
