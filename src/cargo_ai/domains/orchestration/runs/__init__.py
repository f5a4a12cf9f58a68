"""Runs and records: create, list, filter, count, measure, export and cancel them."""
