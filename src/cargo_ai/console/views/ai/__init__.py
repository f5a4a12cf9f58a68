"""Pages about agents: their releases, and chats with them."""
