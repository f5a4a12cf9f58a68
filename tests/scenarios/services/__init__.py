"""Journeys with connected services."""
