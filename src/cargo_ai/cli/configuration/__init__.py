"""Configuration of the command line: settings, credentials, aliases, and where the local server is."""
