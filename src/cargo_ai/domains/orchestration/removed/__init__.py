"""Removed tools and plays: hide them with their workflow, bring them back, and erase what only they need."""
