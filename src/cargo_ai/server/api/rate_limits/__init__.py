"""Rate limits: how often who may do what, counted by all API processes together."""
