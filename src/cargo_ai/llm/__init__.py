"""Language models: ask one for its next step, by the HTTP of its service."""
