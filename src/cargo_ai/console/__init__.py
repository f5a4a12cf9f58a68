"""The web console: pages over operations, rendered on the server. It knows operations by name, and nothing of what answers them."""
