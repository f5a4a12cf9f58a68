"""OAuth of connectors: consent, tokens, their refresh by one process at a time, and what signs calls in with them."""
