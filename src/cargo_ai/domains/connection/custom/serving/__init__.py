"""Integrations of this server, as they answer over the protocol of custom integrations."""
