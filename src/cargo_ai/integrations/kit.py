"""The kit of integrations: a folder with an `INTEGRATION` is one; no list names it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

import httpx

import cargo_ai.integrations
from cargo_ai.engine.dispatch.rate_limits import RateLimit
from cargo_ai.engine.graph.action import Action, Call, Failed, Outcome
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.exchange import ExchangeFailed
from cargo_ai.outbound.http_client import OutboundRefused

Json = Any
Schema = Mapping[str, Json]
Category = Literal[
    "engagement", "marketing", "sales", "finance", "analytics", "freeform", "success", "support", "enrichment", "storage", "custom"
]
SubCategory = Literal["websiteVisit", "listBuilding", "newHire", "jobOffer", "socialSelling", "ecommerce", "webScraper", "developer"]

NOTHING: Schema = {}
HIDDEN = "***"
# Shorter ones ("true", "1234") also stand for themselves in an answer; hiding them there would damage it.
SHORTEST_HIDDEN = 6


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One attempt of an action: `config` with its expressions resolved, `connector_config` with its secrets opened ({} without a
    connector), `sensitive` the texts in it that must not come back."""

    config: Mapping[str, Json]
    connector_config: Mapping[str, Json]
    call: Call
    client: httpx.AsyncClient
    settings: Settings
    sensitive: tuple[str, ...] = ()

    def scrub(self, text: str) -> str:
        """The text without the connector's secrets. Scrub before cutting: half a secret is no longer recognised."""
        return scrub(text, self.sensitive)


ConnectorAction = Action[ActionRequest]
"""What nodes of a connector can do: `perform` acts once with the account. It may raise OutboundRefused and ExchangeFailed."""


async def attempt(action: ConnectorAction, request: ActionRequest) -> Outcome:
    """Act once; an address that may not be reached and a network that fails are outcomes. Raises only for bugs."""
    try:
        return await action.execute(request)
    except OutboundRefused as error:
        return Failed(request.scrub(str(error)))
    except ExchangeFailed as error:
        return Failed(request.scrub(str(error)), transient=error.transient)


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """What an account of the service is made of.

    schema: JSON Schema of its config; what is marked `"writeOnly": true` is secret, as are the top-level `secret_fields`.
    required: whether the service can be called at all without a connector. bound_to: fields that say where secrets are sent; when
    one of them changes, the secrets have to be entered again. sensitive: the texts to keep out of answers and errors, by default
    every secret.
    """

    schema: Schema
    ui_schema: Schema = field(default_factory=dict[str, Json])
    secret_fields: frozenset[str] = frozenset()
    rate_limit: RateLimit | None = None
    required: bool = True
    bound_to: tuple[str, ...] = ()
    sensitive: Callable[[Mapping[str, Json]], tuple[str, ...]] | None = None

    def hidden(self, config: Mapping[str, Json]) -> dict[str, Json]:
        """The config as it may be shown: each secret is `***`."""
        return {key: _replace(self._schema_of(key), value, lambda _path, _value: HIDDEN, (key,)) for key, value in config.items()}

    def merged(self, given: Mapping[str, Json], stored: Mapping[str, Json]) -> tuple[dict[str, Json], list[str]]:
        """The given config with each `***` replaced by the stored secret, and the paths of those that have none to go back to."""
        missing: list[str] = []
        moved = any(given.get(key) != stored.get(key) for key in self.bound_to)

        def former(path: tuple[str, ...], value: Json) -> Json:
            kept = None if moved else _at(stored, path)
            if value == HIDDEN and kept is None:
                missing.append(".".join(path))
            return kept if value == HIDDEN else value

        return {key: _replace(self._schema_of(key), value, former, (key,)) for key, value in given.items()}, missing

    def sensitive_texts(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """The texts of this config that must not be seen in answers and errors, longest first."""
        if self.sensitive is not None:
            found = set(self.sensitive(config))
        else:
            found = set[str]()

            def note(_path: tuple[str, ...], value: Json) -> Json:
                found.update(texts_of(value))

            for key, value in config.items():
                _replace(self._schema_of(key), value, note, (key,))
        return tuple(sorted((text for text in found if len(text) >= SHORTEST_HIDDEN), key=len, reverse=True))

    def _schema_of(self, key: str) -> Schema:
        if key in self.secret_fields:
            return {"writeOnly": True}
        return _inside(self.schema, key)


def _inside(schema: Schema, key: str) -> Schema:
    """The schema of one property: every branch of a choice counts, so that a secret in one of them is a secret in all."""
    found = [branch for part in _branches(schema) for branch in _direct(part, key)]
    if any(part.get("writeOnly") for part in found):
        return {"writeOnly": True}
    return found[0] if len(found) == 1 else {"anyOf": found}


def _branches(schema: Schema) -> Iterator[Schema]:
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in cast("list[Schema]", schema.get(word, [])):
            yield from _branches(branch)


def _direct(schema: Schema, key: str) -> Iterator[Schema]:
    properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
    if key in properties:
        yield properties[key]
        return
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        yield cast("Schema", others)


def _replace(schema: Schema, value: Json, change: Callable[[tuple[str, ...], Json], Json], path: tuple[str, ...]) -> Json:
    if value is None:
        return None
    if any(part.get("writeOnly") for part in _branches(schema)):
        return change(path, value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Json]", value)
        return {key: _replace(_inside(schema, key), inner, change, (*path, key)) for key, inner in entries.items()}
    if isinstance(value, list):
        items = {"anyOf": [part["items"] for part in _branches(schema) if isinstance(part.get("items"), Mapping)]}
        entries_ = cast("list[Json]", value)
        return [_replace(items, inner, change, (*path, str(at))) for at, inner in enumerate(entries_)]
    return value


def _at(value: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Json]", value).get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("list[Json]", value)):
            value = cast("list[Json]", value)[int(part)]
        else:
            return None
    return value


def texts_of(value: Json) -> Iterator[str]:
    """Every text in a JSON value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, Json]", value).values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in cast("list[Json]", value):
            yield from texts_of(inner)


def scrub(text: str, sensitive: tuple[str, ...]) -> str:
    """The text with each of the sensitive ones replaced."""
    for secret in sensitive:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def scrub_json(value: Json, sensitive: tuple[str, ...]) -> Json:
    """A JSON value without the sensitive texts, keys included; the same object when there are none."""
    if not sensitive:
        return value
    if isinstance(value, str):
        return scrub(value, sensitive)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Json]", value)
        return {scrub(key, sensitive): scrub_json(inner, sensitive) for key, inner in entries.items()}
    if isinstance(value, list):
        return [scrub_json(inner, sensitive) for inner in cast("list[Json]", value)]
    return value


@dataclass(frozen=True, slots=True)
class Integration:
    """A kind of service. `icon` is SVG text, `color` a CSS colour, `documentation` Markdown."""

    slug: str
    name: str
    description: str
    icon: str
    color: str
    url: str
    category: Category
    connector: ConnectorSpec
    actions: tuple[ConnectorAction, ...]
    documentation: str
    sub_categories: tuple[SubCategory, ...] = ()

    def action(self, slug: str) -> ConnectorAction | None:
        """One of its actions, None when it has no such one."""
        return next((action for action in self.actions if action.slug == slug), None)


@cache
def integrations() -> Mapping[str, Integration]:
    """Every integration of this package by slug, in the order of their names."""
    folders = [module for module in pkgutil.iter_modules(cargo_ai.integrations.__path__, "cargo_ai.integrations.") if module.ispkg]
    declared: list[Integration] = [importlib.import_module(folder.name).INTEGRATION for folder in folders]
    return {integration.slug: integration for integration in sorted(declared, key=lambda integration: integration.name.lower())}
