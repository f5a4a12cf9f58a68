"""The workspace room: workspaces, users, roles, tokens, folders, and who a caller is."""
