"""Pages about services: connectors, and the catalogue of integrations."""
