"""Metrics for Prometheus: collected in files that all processes of a server share, and shown at `/metrics`."""
