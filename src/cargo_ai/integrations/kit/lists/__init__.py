"""Lists of services: pages, windows of time, and the extractors that fill models."""
