"""Benchmarks of runs, batches and plays on a real server, each against what could do no more than that one thing."""
