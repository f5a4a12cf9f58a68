"""Signing in: the ways in which an account proves to a service who calls."""
