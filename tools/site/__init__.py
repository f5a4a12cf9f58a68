"""The documentation site: what its pages are, and how they are arranged."""
