"""The protocol of custom integrations: what a server announces, and how it is called."""
