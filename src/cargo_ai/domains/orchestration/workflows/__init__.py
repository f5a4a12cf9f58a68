"""Workflows: tools, releases, templates, forms and triggers."""
