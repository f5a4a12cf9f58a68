"""Workflows: tools, drafts, releases and deploys, graph validation, templates, public forms and clock triggers."""
