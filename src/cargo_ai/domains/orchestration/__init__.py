"""Orchestration: tools, plays, workflows and their releases, nodes, runs and batches."""
