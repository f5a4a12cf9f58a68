"""Remote integrations: what a manifest announces, as an integration like those of this server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.protocol.actions import RemoteAction
from cargo_ai.domains.connection.custom.protocol.forms import RemoteForm, RemoteVerification
from cargo_ai.domains.connection.custom.protocol.lists import extractor_of
from cargo_ai.domains.connection.custom.protocol.manifest import ActionPart, FormPart, Manifest, RateLimit
from cargo_ai.domains.connection.custom.protocol.remote import Remote
from cargo_ai.engine.graph.action import Action, Routes
from cargo_ai.integrations.kit import (
    AccountSpec,
    Autocomplete,
    ConnectorAction,
    DynamicSchema,
    Integration,
    Policy,
    ServiceSpec,
    SignIn,
)

JsonObject = dict[str, Any]

SECONDS = 60.0
ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M4 12h16M12 4v16" stroke="currentColor"/></svg>'
COLOR = "#64748b"


@dataclass(frozen=True)
class SchemaAccount(AccountSpec):
    """An account whose form is given as a JSON Schema. The server signs itself in with what is entered."""

    form: FormPart = field(default_factory=FormPart)

    @cached_property
    def schema(self) -> JsonObject:
        """As it was given."""
        return {"type": "object", **self.form.json_schema}

    @cached_property
    def ui_schema(self) -> JsonObject:
        """As it was given."""
        return self.form.ui_schema

    def sign_in_of(self, config: Mapping[str, Any]) -> SignIn:
        """Nothing of its own: a field of the form may be called as that which chooses one elsewhere."""
        return self.sign_ins[0]

    def schema_of_choice(self, kind: str | None) -> JsonObject:
        """The same: there is nothing to choose."""
        return self.schema


def of_manifest(slug: str, manifest: Manifest, base_url: str, remote: Remote) -> Integration:
    """The integration that a manifest announces."""
    policies = tuple(_policies(manifest))
    return Integration(
        slug=slug,
        name=manifest.name,
        description=manifest.description,
        icon=manifest.icon or ICON,
        color=manifest.color or COLOR,
        url=manifest.url,
        category="custom",
        account=SchemaAccount(form=manifest.connector.config, verification=RemoteVerification(remote=remote)),
        service=ServiceSpec(base_url, policies=policies, timeout=SECONDS),
        actions=tuple(_action(action, part, remote) for action, part in manifest.actions.items()),
        extractors=tuple(extractor_of(extractor, part, remote) for extractor, part in manifest.extractors.items()),
        autocompletes={
            part.slug: Autocomplete(RemoteForm(part.slug, remote).choices, part.params.json_schema) for part in manifest.autocompletes
        },
        schemas={
            part.slug: DynamicSchema(RemoteForm(part.slug, remote).schema, part.params.json_schema) for part in manifest.dynamic_schemas
        },
        documentation=_documentation(manifest, base_url),
    )


def _policies(manifest: Manifest) -> list[Policy]:
    limits: list[tuple[RateLimit, str | None]] = [(manifest.connector.rate_limit, None)] if manifest.connector.rate_limit else []
    limits += [(limit, slug) for slug, part in manifest.actions.items() for limit in part.rate_limits]
    # The name keeps apart what several actions of a server count.
    return [
        Policy(limit.max, per.per_seconds, match=slug, strategy=limit.strategy, name=f"manifest {slug or 'all'}/{limit.unit}")
        for limit, slug in limits
        for per in (Policy.per(limit.unit, limit.max),)
    ]


def _action(slug: str, part: ActionPart, remote: Remote) -> ConnectorAction:
    schema = {"type": "object", **part.config.json_schema}
    remote_action = RemoteAction(slug, remote, part, foreign_schema.validator(schema, slug))
    return Action(
        slug=slug,
        kind="connector",
        name=part.name,
        description=part.description,
        does="acts",
        config_schema=schema,
        ui_schema=part.config.ui_schema,
        output_schema=part.output,
        routes=Routes(tuple(child.text for child in part.children)) if part.children else Routes(),
        perform=remote_action.perform,
        hint=part.hint,
        idempotency=part.idempotency,
        awaits=part.awaits,
        # Of an action that does not say what it does, nothing is known to be repeatable without doing it.
        cacheable=None if part.hint == "reads" else _never,
    )


def _never(_done: object) -> bool:
    return False


def _documentation(manifest: Manifest, base_url: str) -> str:
    lines = [f"# {manifest.name}", "", manifest.description, "", f"A custom integration of this workspace, served at {base_url}.", ""]
    lines += [f"- **{slug}** ({part.name}): {part.description}" for slug, part in manifest.actions.items()]
    return "\n".join(lines) + "\n"
