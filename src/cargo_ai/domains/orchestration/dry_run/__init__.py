"""Dry runs: forecast the executions, credits and time of a batch without any effect."""
