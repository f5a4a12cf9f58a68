"""The server: it composes the domains and serves every operation over HTTP."""
