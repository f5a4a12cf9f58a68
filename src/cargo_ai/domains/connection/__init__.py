"""Connection: connectors to services, and the calls that workflows make with them."""
