"""Diagrams: graphs and runs drawn as text and Mermaid."""
