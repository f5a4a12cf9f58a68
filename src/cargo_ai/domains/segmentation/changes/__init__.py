"""Changes of segments: compare them with their former state, and list what has changed."""
