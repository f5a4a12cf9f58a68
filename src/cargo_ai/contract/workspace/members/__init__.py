"""Wire types and operations of who may come in: users, roles, permissions, tokens, sessions, invitations and the caller's account."""
