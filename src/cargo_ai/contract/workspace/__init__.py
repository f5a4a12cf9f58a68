"""The workspace room's contract: workspaces, users, roles, tokens, folders and the caller's own account."""
