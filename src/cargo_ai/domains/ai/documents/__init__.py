"""Documents: what agents and users write together."""
