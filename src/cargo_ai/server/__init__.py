"""The server: the composition root that turns the registry and the rooms into one HTTP application."""
