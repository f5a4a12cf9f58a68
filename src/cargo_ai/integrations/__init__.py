"""Integrations: the services that connector nodes call, one folder each, and the guarded way out to the network."""
