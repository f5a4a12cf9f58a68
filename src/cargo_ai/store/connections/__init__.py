"""Connections to the database: what comes over them, how many are open, and who may use them."""
