"""Workspace: workspaces, users, roles, tokens, folders, uploads, and authentication."""
