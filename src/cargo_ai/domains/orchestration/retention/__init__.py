"""Retention of runs: what goes when, what is archived before, and how it is still found."""
