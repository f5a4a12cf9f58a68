"""Translate the syntax tree of a query node by node; what is not on a list is refused."""
