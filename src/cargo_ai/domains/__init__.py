"""Domains: one package per part of the platform; others import its `public.py` only."""
