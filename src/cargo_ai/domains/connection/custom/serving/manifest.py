"""Announcing: the manifest of an integration of this server, for others that speak the protocol of custom integrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cargo_ai.engine.limits.policy import SECONDS, Policy
from cargo_ai.integrations.kit import AccountSpec, Autocomplete, ConnectorAction, DynamicSchema, Extractor, Integration
from cargo_ai.integrations.kit.signing.oauth import OAuth2

Json = Any
JsonObject = dict[str, Json]

# As many as the protocol takes: a limit beyond that limits nothing.
MAX = 1_000_000
_UNITS = {seconds: unit for unit, seconds in SECONDS.items()}


class NotServable(Exception):
    """An integration cannot be served; the message says why."""


def servable(integration: Integration) -> AccountSpec:
    """How accounts of an integration sign in where it is served. NotServable where that needs a person's consent at this server."""
    spec = integration.account
    ways = tuple(way for way in spec.sign_ins if not isinstance(way, OAuth2))
    if not ways:
        raise NotServable(f"{integration.name} signs in by OAuth only, for which people consent at a server: it cannot be served.")
    return spec if len(ways) == len(spec.sign_ins) else replace(spec, sign_ins=ways)


def manifest_of(integration: Integration, account: AccountSpec) -> JsonObject:
    """What the integration announces."""
    policies = () if integration.service is None else integration.service.policies
    connector: JsonObject = {"config": {"jsonSchema": account.schema, "uiSchema": account.ui_schema}}
    if limits := [limit for policy in policies if policy.match is None for limit in _limits(policy)]:
        connector["rateLimit"] = min(limits, key=lambda limit: limit["max"] / SECONDS[limit["unit"]])
    return {
        "name": integration.name,
        "description": integration.description,
        "icon": integration.icon,
        "color": integration.color,
        "url": integration.url,
        "connector": connector,
        "actions": {action.slug: _action(action, policies) for action in integration.actions},
        "extractors": {extractor.slug: _extractor(extractor) for extractor in integration.extractors},
        "autocompletes": [_params(slug, part) for slug, part in integration.autocompletes.items()],
        "dynamicSchemas": [_params(slug, part) for slug, part in integration.schemas.items()],
    }


def _limits(policy: Policy) -> Iterator[JsonObject]:
    """A policy as the protocol has it: of a whole second, minute, hour or day."""
    if policy.per_seconds in _UNITS and policy.scope != "resource":
        yield {"unit": _UNITS[policy.per_seconds], "max": min(policy.max, MAX), "strategy": policy.strategy}


def _action(action: ConnectorAction, policies: tuple[Policy, ...]) -> JsonObject:
    announced: JsonObject = {
        "name": action.name,
        "description": action.description,
        "config": {"jsonSchema": action.config_schema, "uiSchema": action.ui_schema or {}},
        "rateLimits": [limit for policy in policies if policy.match == action.slug for limit in _limits(policy)],
        "hint": action.hint,
        "idempotency": action.idempotency,
        "awaits": action.awaits,
    }
    if action.output_schema is not None:
        announced["output"] = action.output_schema
    labels = action.routes_of({}).labels
    return announced if len(labels) == 1 else {**announced, "children": [{"text": label} for label in labels]}


def _extractor(extractor: Extractor) -> JsonObject:
    return {
        "name": extractor.name,
        "description": extractor.description,
        "config": {"jsonSchema": extractor.config_schema, "uiSchema": extractor.ui_schema},
        "mode": extractor.mode,
        "preview": "records",
        "isCounted": extractor.count is not None,
        "tellsRemovals": extractor.tells_removals,
        "hasAll": extractor.has_all,
    }


def _params(slug: str, part: Autocomplete | DynamicSchema) -> JsonObject:
    schema: Mapping[str, Json] = part.params_schema or {"type": "object", "properties": {}}
    return {"slug": slug, "params": {"jsonSchema": schema}, "cacheExpirationInSeconds": 1800}
