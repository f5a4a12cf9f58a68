"""Translate calls of functions and casts, each with its arguments and its type."""
