"""Prompts, suggestions and expressions that a language model writes for people."""
