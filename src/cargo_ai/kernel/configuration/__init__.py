"""Configuration: how the server's settings are written, besides the environment."""
