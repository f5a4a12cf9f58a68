"""The members of a workspace: users, roles, permissions, tokens and invitations."""
