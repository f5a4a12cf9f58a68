"""Votes about answers."""
