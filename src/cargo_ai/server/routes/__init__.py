"""Hand-written routes, for what is not JSON in and JSON out. A module lists its `routes` and the `operations` that they serve."""
