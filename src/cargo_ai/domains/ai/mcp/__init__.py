"""The Model Context Protocol: what a workspace offers to programs of others, and what agents use of servers of others."""
