"""Plays: workflows that run when the records of a segment change."""
