"""The wire of the connection room: integrations, and the connectors that give access to them."""
