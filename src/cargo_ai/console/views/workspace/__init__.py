"""Pages about the workspace, its people and what they did."""
