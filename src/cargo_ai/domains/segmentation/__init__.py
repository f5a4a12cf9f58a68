"""Segmentation: cutting the records of models into segments, and seeing what has changed in them."""
