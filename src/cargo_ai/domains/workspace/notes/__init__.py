"""What users and their coding agents note about a workspace: reports and sessions."""
