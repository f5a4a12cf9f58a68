"""Retrieval: passages and questions, and how well and quickly they are found."""
