"""Domains: the rooms of the house; each is reached from outside through its `door.py` only."""
