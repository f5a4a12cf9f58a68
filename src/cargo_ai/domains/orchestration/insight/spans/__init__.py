"""Spans and traces: the executions of all runs, and what they belong to."""
