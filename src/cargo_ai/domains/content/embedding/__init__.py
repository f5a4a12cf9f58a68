"""Embedding: passages and questions are turned into vectors by a model that the workspace names."""
