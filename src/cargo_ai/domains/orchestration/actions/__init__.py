"""Native actions that need this room: people who decide, what workflows remember, letters."""
