"""Templates: graphs to begin with, what they are filled in with, and the tools and plays made of them."""
