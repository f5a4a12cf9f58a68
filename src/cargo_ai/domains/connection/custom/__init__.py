"""Custom integrations: services that a workspace has registered itself."""
