"""Segmentation: select records of models by filters, and find out what has changed in them."""
