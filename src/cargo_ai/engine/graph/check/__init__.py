"""Checks of one node before any run: its settings, what its expressions read, and which nodes come before it."""
