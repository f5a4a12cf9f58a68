"""Runs, one at a time and in lists, what their nodes did, and runs again."""
