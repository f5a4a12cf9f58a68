"""Dry runs: what a batch would do, cost and take, without any effect."""
