"""Nodes and the actions that they perform."""
