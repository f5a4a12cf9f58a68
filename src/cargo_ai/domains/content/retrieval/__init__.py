"""Retrieval: pieces of text, the statistics of their words, and the search for them."""
