"""Connectors: create them, change and remove them, and fill in the forms of their actions."""
