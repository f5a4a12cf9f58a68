"""Fields of a form, as a JSON Schema asks for them; what is too deep, too much or unknown is entered as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

Json = Any
JsonObject = dict[str, Json]
Kind = Literal["text", "area", "secret", "number", "integer", "flag", "choice", "many", "fixed", "group", "pairs", "rows", "either", "json"]

MAX_FIELDS: Final = 300
MAX_DEPTH: Final = 6
MAX_OPTIONS: Final = 500
MAX_BRANCHES: Final = 40
_LONG_TEXT = 300
_AUTOCOMPLETES: Final = ("IntegrationAutocompleteWidget", "AutocompleteWidget")
_DYNAMIC: Final = ("IntegrationDynamicSchemaWidget", "DynamicSchemaWidget")
_SCALARS: Mapping[str, Kind] = {"string": "text", "number": "number", "integer": "integer", "boolean": "choice"}


@dataclass(frozen=True, slots=True)
class Option:
    """One value that a field may take, as the form posts it and as people read it."""

    text: str
    label: str
    value: Json


@dataclass(frozen=True, slots=True)
class Choices:
    """Where the account knows the values of a field: the slug of its autocomplete, or of the dynamic schema of an object, and the fields
    beside it that it depends on."""

    slug: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field, with those inside of it.

    key: its property. fields: of a group, in the order in which they are shown. item: of rows and pairs, what each holds. branches: of
    `either`, the alternatives. account: the dynamic schema of an object. schema: what a value has to fit. extras: whether a group keeps
    values that have no field. expressions: whether a text with `{{…}}` may stand for the value.
    """

    key: str
    kind: Kind
    label: str = ""
    description: str = ""
    required: bool = False
    nullable: bool = False
    schema: JsonObject = field(default_factory=dict[str, Json])
    default: Json = None
    options: tuple[Option, ...] = ()
    fields: tuple[Field, ...] = ()
    item: Field | None = None
    branches: tuple[Field, ...] = ()
    choices: Choices | None = None
    account: Choices | None = None
    extras: bool = False
    expressions: bool = False


def form_of(schema: Mapping[str, Json], ui_schema: Mapping[str, Json] | None = None) -> Field:
    """The form of a schema. It is a group, unless the schema says otherwise."""
    return _Reader(dict(schema)).field("", schema, dict(ui_schema or {}), required=True, depth=0)


class _Reader:
    """Reads one schema, and counts its fields."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._left = MAX_FIELDS

    def field(self, key: str, schema: Json, hints: Json, *, required: bool, depth: int) -> Field:
        self._left -= 1
        shape = self._resolved(schema)
        nullable, shape = _without_null(shape)
        shape = self._resolved(shape)
        ui = _object(hints)
        made = Field(
            key,
            "json",
            label=_text(ui.get("ui:title") or shape.get("title"), 200) or key[:200],
            description=_text(ui.get("ui:description") or shape.get("description"), 2_000),
            required=required,
            nullable=nullable,
            schema=shape,
            default=shape.get("default"),
            account=_asks(ui, _DYNAMIC),
        )
        if self._left < 0 or depth > MAX_DEPTH:
            return self._as_json(made)
        return self._of_values(made, shape, ui) or self._of_parts(made, shape, ui, depth) or self._as_json(made)

    def _of_values(self, made: Field, shape: JsonObject, ui: JsonObject) -> Field | None:
        """A field of one value."""
        if "const" in shape:
            return replace(made, kind="fixed", default=shape["const"])
        enum = shape.get("enum")
        if isinstance(enum, list) and 0 < len(cast("list[Json]", enum)) <= MAX_OPTIONS:
            return replace(made, kind="choice", options=_options(cast("list[Json]", enum)))
        named = shape.get("oneOf")
        if isinstance(named, list) and shape.get("type") in _SCALARS and 0 < len(cast("list[Json]", named)) <= MAX_OPTIONS:
            entries = [_object(entry) for entry in cast("list[Json]", named)]
            if all("const" in entry for entry in entries):
                options = _options([entry["const"] for entry in entries])
                labels = [_text(entry.get("title"), 200) for entry in entries]
                labelled = (replace(option, label=label or option.label) for option, label in zip(options, labels, strict=True))
                return replace(made, kind="choice", options=tuple(labelled))
        kind = _SCALARS.get(str(shape.get("type")))
        if kind is None:
            choices = None if shape.keys() & {"type", "anyOf", "oneOf", "properties"} else _asks(ui, _AUTOCOMPLETES)
            return replace(made, kind="text", choices=choices) if choices else None
        if shape["type"] == "boolean":
            if made.required or isinstance(made.default, bool):
                return replace(made, kind="flag")
            return replace(made, kind="choice", options=(Option("true", "yes", True), Option("false", "no", False)))
        if shape["type"] != "string":
            return replace(made, kind=kind)
        if shape.get("writeOnly") is True or ui.get("ui:widget") == "password":
            return replace(made, kind="secret", default=None)
        most = shape.get("maxLength")
        long = ui.get("ui:widget") == "textarea" or (isinstance(most, int) and most > _LONG_TEXT and "pattern" not in shape)
        return replace(made, kind="area" if long else "text", choices=_asks(ui, _AUTOCOMPLETES))

    def _of_parts(self, made: Field, shape: JsonObject, ui: JsonObject, depth: int) -> Field | None:
        """A field of several values."""
        branches = shape.get("oneOf", shape.get("anyOf"))
        if isinstance(branches, list) and "properties" not in shape:
            return self._either(made, cast("list[Json]", branches), ui, depth)
        if isinstance(shape.get("properties"), dict):
            return self._group(made, shape, ui, depth)
        additional = shape.get("additionalProperties")
        if shape.get("type") == "object" and isinstance(additional, dict):
            item = self.field("", cast("Json", additional), ui.get("additionalProperties"), required=True, depth=depth + 1)
            scalar = item.kind in ("text", "area", "secret", "number", "integer", "choice")
            return replace(made, kind="pairs", item=item) if scalar else None
        if shape.get("type") == "array" and isinstance(shape.get("items"), dict):
            return self._rows(made, shape, ui, depth)
        return None

    def _group(self, made: Field, shape: JsonObject, ui: JsonObject, depth: int) -> Field:
        properties = _object(shape["properties"])
        needed = shape.get("required")
        required = set(map(str, cast("list[Json]", needed))) if isinstance(needed, list) else set[str]()
        names = _ordered([name for name in properties if not _hidden(ui.get(name))], ui.get("ui:order"))
        fields = tuple(
            self.field(name, properties[name], ui.get(name), required=name in required, depth=depth + 1) for name in names if self._left > 0
        )
        return replace(
            made, kind="group", fields=fields, extras=len(fields) < len(properties) or shape.get("additionalProperties") is not False
        )

    def _either(self, made: Field, branches: list[Json], ui: JsonObject, depth: int) -> Field | None:
        if not 0 < len(branches) <= MAX_BRANCHES:
            return None
        fields = tuple(self.field("", branch, ui, required=True, depth=depth + 1) for branch in branches)
        if all(branch.kind == "fixed" for branch in fields):
            labelled = tuple(
                replace(option, label=branch.label or option.label)
                for branch, option in zip(fields, _options([branch.default for branch in fields]), strict=True)
            )
            return replace(made, kind="choice", options=labelled)
        if len(fields) == 1:
            return replace(fields[0], key=made.key, label=made.label or fields[0].label, required=made.required, nullable=made.nullable)
        named = tuple(
            replace(branch, label=branch.label or _named(branch) or f"Choice {place}") for place, branch in enumerate(fields, start=1)
        )
        return replace(made, kind="either", branches=named)

    def _rows(self, made: Field, shape: JsonObject, ui: JsonObject, depth: int) -> Field | None:
        item = self.field("", shape["items"], ui.get("items"), required=True, depth=depth + 1)
        if item.kind == "choice" and shape.get("uniqueItems") is True:
            return replace(made, kind="many", options=item.options, item=item)
        return replace(made, kind="rows", item=item)

    def _as_json(self, made: Field) -> Field:
        definitions = {name: self._root[name] for name in ("$defs", "definitions") if name in self._root}
        return replace(made, kind="json", schema={**definitions, **made.schema})

    def _resolved(self, schema: Json) -> JsonObject:
        """The schema that a reference within the document leads to, in few steps."""
        shape = _object(schema)
        for _ in range(8):
            reference = shape.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            target: Json = self._root
            for part in reference[2:].split("/")[:20]:
                target = _object(target).get(part.replace("~1", "/").replace("~0", "~"))
            if not isinstance(target, dict):
                break
            shape = {**cast("JsonObject", target), **{name: value for name, value in shape.items() if name != "$ref"}}
        return shape


def _without_null(schema: JsonObject) -> tuple[bool, JsonObject]:
    """Whether null is a value, and the schema of the others."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        others = [kind for kind in cast("list[Json]", kinds) if kind != "null"]
        return len(others) < len(cast("list[Json]", kinds)), {**schema, "type": others[0] if len(others) == 1 else others}
    for word in ("anyOf", "oneOf"):
        branches = schema.get(word)
        if isinstance(branches, list):
            kept = [branch for branch in cast("list[Json]", branches) if branch != {"type": "null"}]
            if len(kept) < len(cast("list[Json]", branches)) and kept:
                rest = {name: value for name, value in schema.items() if name != word}
                return True, {**_object(kept[0]), **rest} if len(kept) == 1 else {**rest, word: kept}
    return False, schema


def _options(values: Sequence[Json]) -> tuple[Option, ...]:
    """Texts are themselves; where others are among the values, each is JSON."""
    plain = all(isinstance(value, str) for value in values)
    texts = [value if plain else json.dumps(value, ensure_ascii=False, sort_keys=True) for value in values]
    return tuple(Option(text, (text or "(empty)")[:200], value) for text, value in zip(texts, values, strict=True))


def _asks(ui: JsonObject, widgets: tuple[str, ...]) -> Choices | None:
    options = _object(ui.get("ui:options"))
    slug = options.get("slug")
    if ui.get("ui:widget") not in widgets or not isinstance(slug, str):
        return None
    params = {name: path.rpartition(".")[2] for name, path in _object(options.get("params")).items() if isinstance(path, str)}
    return Choices(slug, params)


def _named(branch: Field) -> str:
    """What an alternative without a title is called: by what is fixed in it, or by its type."""
    fixed = [field.default for field in branch.fields if field.kind == "fixed" and isinstance(field.default, str)]
    return _text(fixed[0] if fixed else branch.schema.get("type"), 100)


def _ordered(names: list[str], order: Json) -> list[str]:
    """The names as `ui:order` wants them: `*` stands for those that it does not name."""
    if not isinstance(order, list):
        return names
    wanted = [str(name) for name in cast("list[Json]", order)]
    rest = [name for name in names if name not in wanted]
    placed: list[str] = []
    for name in wanted:
        placed += rest if name == "*" else [name] if name in names and name not in placed else []
    return [*placed, *(name for name in names if name not in placed)]


def _hidden(hints: Json) -> bool:
    return _object(hints).get("ui:widget") == "hidden"


def _object(value: Json) -> JsonObject:
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def _text(value: Json, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
