"""Pages about what work costs."""
