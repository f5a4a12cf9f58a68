"""Outbound HTTP: the one client for calls to addresses that users name, with checked addresses and limits."""
