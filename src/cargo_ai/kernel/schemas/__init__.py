"""Schemas: what JSON of others must be like, and sentences where it is not."""
