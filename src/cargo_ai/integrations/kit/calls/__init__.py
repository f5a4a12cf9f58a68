"""Calls of services: their limits, bodies, waits and answers."""
