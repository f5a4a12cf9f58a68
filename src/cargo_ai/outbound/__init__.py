"""Outbound HTTP: the client for calls to addresses that users choose, with checked addresses and limits."""
