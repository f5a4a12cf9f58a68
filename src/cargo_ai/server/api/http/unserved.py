"""Domains of the public API that this server does not have, each with what to use instead."""

from __future__ import annotations

INSTEAD = {
    "context": "Agents read uploaded files: POST /v1/content/files/upload, then `resources` of their release.",
    "domainManagement": "Domains are bought at a registrar; workflows send e-mail through the integration smtp.",
    "hosting": "Tools have forms and hooks of their own; a program of yours is called as a custom integration, or calls this API.",
    "revenueOrganization": "Members and territories are kept as models, and a play assigns records to them: the template lead-routing.",
}
"""By the domain of a path."""
ONE_STORE = "Records live in the PostgreSQL of this server (CARGO_AI_DATABASE_URL); models are filled from warehouses by connectors."


def in_place_of(path: str) -> str:
    """A sentence to add to the refusal of a path, with the space before it; nothing for a path of another kind."""
    words = path.strip("/").split("/")
    if words[0] != "v1" or len(words) < 2:
        return ""
    if words[1] == "systemOfRecordIntegration":
        return f" {ONE_STORE}"
    sentence = INSTEAD.get(words[1])
    return f" The public API has {words[1]}, this server has not. {sentence}" if sentence else ""
