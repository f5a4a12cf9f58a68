"""Hand-written routes: what is no JSON in, JSON out. Each module lists its `routes` and the `operations` that they answer."""
