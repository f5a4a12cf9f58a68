"""Observability: alerts that are evaluated by the clock, and what they found."""
