"""Asking a language model for one structured answer, outside of a chat."""
