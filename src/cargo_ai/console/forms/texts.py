"""The texts of a form for a value, by the names of its fields, as the form would post them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.console.forms import expressions
from cargo_ai.console.forms.fields import Field
from cargo_ai.console.forms.names import below, beside
from cargo_ai.kernel.schemas.json_schema import NoSchema, validator_of

Json = Any
Texts = dict[str, list[str]]

MAX_ROWS = 100
HIDDEN = "***"
"""What stands for a secret that is stored."""


def texts_of(form: Field, value: Json, name: str = "") -> Texts:
    """The texts of a value: never those of secrets. What the fields cannot show is JSON."""
    if value is None:
        return {}
    if form.expressions and form.kind in expressions.TEXTS and (text := expressions.text_of(form.kind, value)) is not None:
        return {name: [text]}
    texts = _plain(form, value, name)
    if texts is not None:
        return texts
    text = expressions.text_of("json", value) if form.expressions else None
    return {beside(name, "json"): [written(value) if text is None else text]}


def defaults_of(form: Field, name: str = "") -> Texts:
    """The texts of a form in which nothing was entered."""
    if form.kind == "group":
        texts: Texts = {}
        for field in form.fields:
            texts |= defaults_of(field, below(name, field.key))
        return texts
    if form.kind == "either" and form.default is None:
        return {**defaults_of(form.branches[0], name), beside(name, "choice"): ["0"]} if form.required else {}
    return {} if form.default is None or form.kind == "fixed" else texts_of(form, form.default, name)


def branch_of(form: Field, value: Json) -> int | None:
    """The alternative of which a value is; None: it is of none."""
    for place, branch in enumerate(form.branches):
        fixed = {field.key: field.default for field in branch.fields if field.kind == "fixed"}
        if fixed and isinstance(value, dict):
            entries = cast("dict[str, Json]", value)
            if all(key in entries and _same(entries[key], constant) for key, constant in fixed.items()):
                return place
    for place, branch in enumerate(form.branches):
        if any(field.kind == "fixed" for field in branch.fields):
            continue
        try:
            if validator_of(branch.schema).is_valid(value):
                return place
        except NoSchema:
            continue
    return None


def written(value: Json) -> str:
    """A value as JSON that people can edit."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _plain(form: Field, value: Json, name: str) -> Texts | None:
    """The texts, or None where these fields cannot show the value."""
    match form.kind:
        case "text" | "area":
            return {name: [value]} if isinstance(value, str) and not set(value) & {"\r", "\0"} and not value.startswith("\n") else None
        case "secret":
            return {} if isinstance(value, str) else None
        case "number" | "integer":
            whole = isinstance(value, int) or form.kind == "number"
            fits = isinstance(value, (int, float)) and not isinstance(value, bool) and whole
            return {name: [json.dumps(value)]} if fits else None
        case "flag":
            return {name: ["true"] if value else []} if isinstance(value, bool) else None
        case "fixed":
            return {} if _same(value, form.default) else None
        case "choice":
            texts = [option.text for option in form.options if _same(option.value, value)]
            return {name: texts[:1]} if texts and texts[0] else None
        case _:
            return _parts(form, value, name)


def _parts(form: Field, value: Json, name: str) -> Texts | None:
    texts: Texts = {}
    if form.kind == "json":
        return {name: [written(value)]}
    if form.kind == "either":
        place = branch_of(form, value)
        inside = None if place is None else _plain(form.branches[place], value, name)
        return None if inside is None else {**inside, beside(name, "choice"): [str(place)]}
    if form.kind == "many" and isinstance(value, list):
        picked = [[option.text for option in form.options if _same(option.value, item)] for item in cast("list[Json]", value)]
        distinct = {texts[0] for texts in picked if texts}
        return {name: [texts[0] for texts in picked]} if len(distinct) == len(picked) else None
    if form.kind == "group" and isinstance(value, dict):
        entries = cast("dict[str, Json]", value)
        if not form.extras and entries.keys() - {field.key for field in form.fields}:
            return None
        for field in form.fields:
            texts |= texts_of(field, entries.get(field.key), below(name, field.key))
        return texts
    if form.item is None or not isinstance(value, (list, dict)) or len(cast("list[Json]", value)) > MAX_ROWS:
        return None
    return _rows(form, form.item, value, name)


def _rows(form: Field, item: Field, value: Json, name: str) -> Texts | None:
    """The texts of pairs and rows, each of which has a number."""
    if isinstance(value, dict) != (form.kind == "pairs"):
        return None
    pairs: Mapping[str, Json] = cast("dict[str, Json]", value) if isinstance(value, dict) else {}
    values = list(pairs.values()) if form.kind == "pairs" else cast("list[Json]", value)
    if None in values or "" in values or any(not key or set(key) & {"\r", "\n", "\0"} for key in pairs):
        return None
    texts: Texts = {beside(name, "rows"): [",".join(map(str, range(len(values))))]}
    for number, entry in enumerate(values):
        row = below(name, str(number))
        texts |= texts_of(item, entry, row)
        if form.kind == "pairs":
            texts[beside(row, "key")] = [list(pairs)[number]]
    return texts


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON: 1 is not true."""
    return (type(one) is type(other) and one == other) or (
        isinstance(one, (int, float))
        and isinstance(other, (int, float))
        and not isinstance(one, bool)
        and not isinstance(other, bool)
        and one == other
    )
