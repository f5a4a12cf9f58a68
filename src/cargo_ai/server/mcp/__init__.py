"""Serve the Model Context Protocol over HTTP: one request, one answer, nothing remembered in between."""
