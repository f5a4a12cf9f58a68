"""The action `enrichOrganization`: all that is known of one company."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import ORGANIZATION, any_of
from cargo_ai.integrations.apolloio.organizations import MOST, EnrichOrganization, enrich
from cargo_ai.integrations.kit import Action, ConnectorAction, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import batched

ACTION: ConnectorAction = Action(
    slug="enrichOrganization",
    kind="connector",
    name="Enrich organisation",
    description="Finds one company by domain, website, LinkedIn or name, with all that is known; a credit for a match.",
    does="acts",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: done.output["found"],
    config_schema=schema_of(EnrichOrganization),
    ui_schema=ui_schema_of(EnrichOrganization),
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "organization": {"type": ["object", "null"], "description": "By Apollo's names.", "properties": any_of(ORGANIZATION)},
        },
        "required": ["found", "organization"],
    },
    rows=RowBatch(perform=batched(EnrichOrganization, enrich), max=MOST),
)
