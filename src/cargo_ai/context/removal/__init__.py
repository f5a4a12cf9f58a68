"""Removing things: what uses them, and the bin from which they can be restored."""
