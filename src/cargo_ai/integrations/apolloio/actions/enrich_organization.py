"""The action `enrichOrganization`: all that is known of one company."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import ORGANIZATION, any_of
from cargo_ai.integrations.apolloio.organizations import MAX, EnrichOrganization, enrich
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import batched

ACTION = connector_action(
    EnrichOrganization,
    slug="enrichOrganization",
    name="Enrich organisation",
    description="Finds one company by domain, website, LinkedIn or name, with all that is known; a credit for a match.",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: done.output["found"],
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "organization": {"type": ["object", "null"], "description": "By Apollo's names.", "properties": any_of(ORGANIZATION)},
        },
        "required": ["found", "organization"],
    },
    rows=RowBatch(perform=batched(EnrichOrganization, enrich), max=MAX),
)
