"""How long a person or a program waits, and what a server does while nothing happens."""
