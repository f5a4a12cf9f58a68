"""Explanations: why a run waits, failed or never began, and what to do next."""
