"""Benchmarks of calls of services, which are imitated."""
