"""AI: agents that answer messages with a language model, and with tools and records of the workspace."""
