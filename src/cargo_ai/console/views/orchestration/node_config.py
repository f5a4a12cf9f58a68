"""The config of a node in its form: as fields by the schema of its action, or as JSON; what was entered, and what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

from cargo_ai.console.forms.entries import Entry, changed, entries_of
from cargo_ai.console.forms.expressions import with_expressions
from cargo_ai.console.forms.fields import Field, form_of
from cargo_ai.console.forms.names import ACTION, name_of
from cargo_ai.console.forms.posted import posted_form
from cargo_ai.console.forms.reading import MAX_TEXT, Posted, read
from cargo_ai.console.forms.texts import texts_of, written
from cargo_ai.console.forms.turning import turned_field
from cargo_ai.console.page import PageRequest
from cargo_ai.console.views.connection.account_fields import with_account_fields
from cargo_ai.console.views.orchestration.names import optional
from cargo_ai.console.views.orchestration.node_target import inputs_of
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject

CONFIG = "/config"
AS_JSON, AS_FIELDS = "json", "fields"
"""The buttons that show the config in the other way."""


@dataclass(slots=True)
class Config:
    """What the form shows of a config. `form`: None where only JSON is shown. `base`: what the fields stand for, with what has none."""

    form: Field | None
    base: JsonObject
    is_json: bool
    text: str = ""
    texts: Posted = field(default_factory=dict[str, list[str]])
    errors: dict[str, str] = field(default_factory=dict[str, str])

    def entry(self) -> Entry | None:
        """The fields as they are shown; None for JSON."""
        return None if self.is_json or self.form is None else entries_of(self.form, self.texts, self.errors, self.base, CONFIG)

    def value(self) -> JsonObject:
        """The config that was entered. Refusal for what is not JSON; `errors` says what is wrong with fields."""
        if self.is_json or self.form is None:
            return object_of(self.text, "config")
        reading = read(self.form, self.texts, self.base, CONFIG)
        self.errors = reading.errors
        value: object = reading.value
        return cast("JsonObject", value) if isinstance(value, dict) else {}


async def form_of_node(request: PageRequest, node: JsonObject) -> Field | None:
    """The form of a node's config; None where its action has none, or where the person may not see it."""
    if node.get("kind") in ("tool", "agent"):
        schema = await inputs_of(request, node)
        return None if schema is None else replace(with_expressions(form_of(schema)), label="")
    reply: JsonObject = {}
    if node.get("kind") == "native":
        reply = await optional(request, "connection.nativeIntegration.get", {})
    elif node.get("kind") == "connector":
        fields = {"slug": node.get("integrationSlug") or ""}
        reply = await optional(request, "connection.integration.get", fields, "integrationNotFound")
    integration: JsonObject = reply.get("nativeIntegration") or reply.get("integration") or {"actions": {}}
    action: JsonObject | None = integration["actions"].get(node.get("actionSlug"))
    if action is None:
        return None
    config: JsonObject = action["config"]
    form = form_of(config.get("schema") or {}, config.get("uiSchema") or {})
    return replace(with_expressions(form), label="") if form.kind == "group" and form.fields else None


async def stored(request: PageRequest, form: Field | None, node: JsonObject, connector: str | None) -> Config:
    """The config as it is in the draft, with the fields that the connector's account knows."""
    base: JsonObject = node.get("config") or {}
    text = written(base)
    if form is None or len(text) > MAX_TEXT:
        return Config(form, base, is_json=True, text=text)
    return await _as_fields(request, form, base, connector)


async def _as_fields(request: PageRequest, form: Field, base: JsonObject, connector: str | None) -> Config:
    drawn = await with_account_fields(request, form, texts_of(form, base, CONFIG), CONFIG, connector)
    return Config(drawn, base, is_json=False, texts=texts_of(drawn, base, CONFIG))


async def posted(request: PageRequest, form: Field | None, node: JsonObject, connector: str | None) -> Config:
    """The config as it was posted, shown in the way that was asked for."""
    text = request.form.get("config")
    base: JsonObject = node.get("config") or {}
    if text is not None or form is None:
        return Config(form, base, is_json=True, text=text or "{}")
    shown = object_of(request.form.get("base", ""), "base") if "base" in request.form else base
    texts = posted_form(request.form)
    drawn = await with_account_fields(request, form, texts, CONFIG, connector)
    return Config(drawn, shown, is_json=False, texts=texts)


async def turned(request: PageRequest, config: Config, action: str, connector: str | None) -> Config:
    """The config as the form shows it after one of its own buttons: another row, or the other way. Refusal for what is not JSON."""
    is_new = action == "refresh" and "formless" in request.form
    if (action == AS_FIELDS or is_new) and config.is_json and config.form is not None:
        return await _as_fields(request, config.form, config.value(), connector)
    if action == AS_JSON and not config.is_json:
        value = config.value()
        return config if config.errors else Config(config.form, config.base, is_json=True, text=written(value))
    verb, _, name = action.partition(":")
    if verb in ("write", "choose") and not config.is_json and config.form is not None:
        config.texts = turned_field(config.form, config.texts, name, CONFIG, config.base, is_written=verb == "write")
    elif not config.is_json:
        config.texts = changed({name: texts for name, texts in config.texts.items() if name != ACTION or ":" in texts[0]})
    return config


def problems_of(config: Config, invalid: list[JsonObject], slug: str) -> list[str]:
    """What is wrong with the node as it is stored: at its fields where it is of one, the rest as sentences."""
    entry = config.entry()
    names = {name.removesuffix("~json") for name in entry.names} if entry else set[str]()
    sentences: list[str] = []
    for problem in invalid:
        if problem["node"].get("slug") != slug:
            continue
        path = str(problem.get("path") or "")
        name = name_of(path)
        if name in names:
            config.errors.setdefault(name, str(problem["message"]))
        else:
            sentences.append(f"{path}: {problem['message']}" if path else str(problem["message"]))
    return sentences


def object_of(text: str, name: str) -> JsonObject:
    """A JSON object that was entered as a text. Refusal for anything else."""
    try:
        value: Any = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise invalid_input([{"path": name, "message": f"is not valid JSON: {error}"}]) from None
    if not isinstance(value, dict):
        raise invalid_input([{"path": name, "message": 'must be a JSON object, such as {"domain": "{{nodes.start.domain}}"}'}])
    return cast("JsonObject", value)
