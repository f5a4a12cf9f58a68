"""Agents in workflows: nodes that ask, and their answers, of which there are many at a time."""
