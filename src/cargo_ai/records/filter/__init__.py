"""Compile filters of records to syntax trees with bound values: a value can never become SQL."""
