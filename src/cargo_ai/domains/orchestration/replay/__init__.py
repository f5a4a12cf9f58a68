"""Replays: repeat earlier runs from a node, reusing the executions before it."""
