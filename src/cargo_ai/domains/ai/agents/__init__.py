"""Agents and their releases."""
