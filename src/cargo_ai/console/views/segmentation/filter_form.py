"""The filter builder as values: what its form fields say as a filter, in exactly the JSON of the command line, and back.

A part of a filter that has no fields here (nested groups, conditions on elements of arrays) is one field with its JSON, so nothing is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from cargo_ai.console.views.segmentation.condition_form import Condition, InvalidForm, condition_of, dump, parse_json, to_condition
from cargo_ai.kernel.wire import JsonObject

PREFIX = "f"
MAX_GROUPS, MAX_CONDITIONS = 50, 200
EVERYTHING: JsonObject = {"conjonction": "and", "groups": []}
_NAME = re.compile(r"f\.(\d{1,2})(?:\.(\d{1,3}))?\.([a-z]{1,20})\Z", re.ASCII)
_JOINS = ("and", "or")

Fields = Mapping[str, Sequence[str]]
"""Values by name, as a form is submitted."""


@dataclass(frozen=True)
class Group:
    """Conditions and how they are joined; or, with `json`, a group that has no fields."""

    conjonction: str = "and"
    conditions: tuple[Condition, ...] = ()
    json: str | None = None


@dataclass(frozen=True)
class FilterForm:
    """Groups and how they are joined; or, with `json`, a filter that has no fields."""

    conjonction: str = "and"
    groups: tuple[Group, ...] = ()
    json: str | None = None

    def fields(self) -> list[tuple[str, str]]:
        """Names and values of all fields, in their order."""
        if self.json is not None:
            return [(f"{PREFIX}.json", self.json)]
        named = [(f"{PREFIX}.conjonction", self.conjonction)]
        for at, group in enumerate(self.groups):
            if group.json is not None:
                named.append((f"{PREFIX}.{at}.json", group.json))
                continue
            named.append((f"{PREFIX}.{at}.conjonction", group.conjonction))
            for position, condition in enumerate(group.conditions):
                named += [(f"{PREFIX}.{at}.{position}.{name}", value) for name, value in condition.fields()]
        return named


def is_submitted(fields: Fields) -> bool:
    """Whether the fields of a filter are among these."""
    return f"{PREFIX}.conjonction" in fields or f"{PREFIX}.json" in fields


def parse(fields: Fields) -> FilterForm:
    """The form that was submitted; names that are none of its fields are left alone."""
    whole = _first(fields, f"{PREFIX}.json")
    if whole is not None:
        return FilterForm(json=whole)
    groups: dict[int, _Parts] = {}
    for name, values in fields.items():
        match = _NAME.match(name)
        if match is None or not values:
            continue
        parts = groups.setdefault(int(match[1]), _Parts())
        if match[2] is None:
            parts.own[match[3]] = values[0]
        else:
            parts.conditions.setdefault(int(match[2]), {})[match[3]] = tuple(values)
    ordered = [groups[at].to_group() for at in sorted(groups)[:MAX_GROUPS]]
    return FilterForm(_join(_first(fields, f"{PREFIX}.conjonction")), tuple(ordered))


@dataclass
class _Parts:
    """The fields of one group, while they are gathered."""

    own: dict[str, str] = field(default_factory=dict[str, str])
    conditions: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=dict[int, dict[str, tuple[str, ...]]])

    def to_group(self) -> Group:
        if "json" in self.own:
            return Group(json=self.own["json"])
        conditions = [Condition.parse(self.conditions[at]) for at in sorted(self.conditions)[:MAX_CONDITIONS]]
        return Group(_join(self.own.get("conjonction")), tuple(conditions))


def _first(fields: Fields, name: str) -> str | None:
    values = fields.get(name) or ()
    return values[0] if values else None


def _join(value: str | None) -> str:
    return value if value in _JOINS else "and"


def to_filter(form: FilterForm, types: Mapping[str, str]) -> JsonObject:
    """The filter as JSON. `types`: the types of columns by subject. A condition without a subject is left out; InvalidForm says which
    JSON cannot be read."""
    if form.json is not None:
        return _object(form.json, "The filter")
    groups: list[JsonObject] = []
    for at, group in enumerate(form.groups, 1):
        if group.json is not None:
            groups.append(_object(group.json, f"Group {at}"))
            continue
        conditions = [made for condition in group.conditions if (made := to_condition(condition, types)) is not None]
        if conditions:
            groups.append({"conjonction": group.conjonction, "conditions": conditions})
    return {"conjonction": form.conjonction, "groups": groups}


def _object(text: str, what: str) -> JsonObject:
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise InvalidForm(f"{what} is not a JSON object.")
    return cast("JsonObject", value)


def of_filter(filter: JsonObject, types: Mapping[str, str]) -> FilterForm:
    """The form that shows a filter, whatever is in it."""
    groups = filter.get("groups")
    join = filter.get("conjonction")
    if set(filter) != {"conjonction", "groups"} or join not in _JOINS or not isinstance(groups, list):
        return FilterForm(json=dump(filter))
    parts = cast("list[Any]", groups)
    if len(parts) > MAX_GROUPS or not all(isinstance(part, dict) for part in parts):
        return FilterForm(json=dump(filter))
    return FilterForm(str(join), tuple(_group_of(cast("JsonObject", part), types) for part in parts))


def _group_of(group: JsonObject, types: Mapping[str, str]) -> Group:
    join, conditions = group.get("conjonction"), group.get("conditions")
    if set(group) != {"conjonction", "conditions"} or join not in _JOINS or not isinstance(conditions, list) or not conditions:
        return Group(json=dump(group))
    parts = cast("list[Any]", conditions)
    if len(parts) > MAX_CONDITIONS:
        return Group(json=dump(group))
    return Group(str(join), tuple(condition_of(part, types) for part in parts))


def read_filter(text: str) -> JsonObject:
    """A filter in JSON, such as an address or a text area has; InvalidForm where it is not a JSON object."""
    return _object(text, "The filter")


def write_filter(filter: JsonObject) -> str:
    """The filter as the command line takes it, on one line."""
    return json.dumps(filter, ensure_ascii=False, separators=(",", ":"))


def edit(form: FilterForm, act: str) -> FilterForm:
    """The form after a button of it: `add-group`, `add.G`, `remove-group.G`, `remove.G.C`, `value.G.C`. Anything else changes nothing."""
    verb, *numbers = act.split(".")
    at = [int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) <= 3]
    groups = list(form.groups)
    if verb == "add-group" and len(groups) < MAX_GROUPS:
        return replace(form, groups=(*groups, Group(conditions=(Condition(),))))
    if len(at) != len(numbers) or not at or at[0] >= len(groups):
        return form
    if verb == "remove-group":
        del groups[at[0]]
        return replace(form, groups=tuple(groups))
    edited = _edit_group(groups[at[0]], verb, at[1:])
    # A group of which nothing is left goes, too.
    groups[at[0] : at[0] + 1] = [edited] if edited.conditions or edited.json is not None else []
    return replace(form, groups=tuple(groups))


def _edit_group(group: Group, verb: str, at: list[int]) -> Group:
    conditions = list(group.conditions)
    if verb == "add" and not at and len(conditions) < MAX_CONDITIONS:
        return replace(group, conditions=(*conditions, Condition()))
    if len(at) != 1 or at[0] >= len(conditions):
        return group
    if verb == "remove":
        del conditions[at[0]]
    if verb == "value":
        chosen = conditions[at[0]]
        conditions[at[0]] = replace(chosen, values=(*(chosen.values or ("",)), ""))
    return replace(group, conditions=tuple(conditions))
