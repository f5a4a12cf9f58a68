"""Columns of models: custom, computed, metric and lookup."""
