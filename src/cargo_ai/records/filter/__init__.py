"""Filters: which records are meant, compiled to a syntax tree with bound values: a value can never become SQL."""
