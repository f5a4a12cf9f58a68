"""Secrets from elsewhere: connectors name them, and a process reads them when it opens an account."""
