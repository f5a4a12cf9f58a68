"""The form of a record: its values as texts of fields, and what was filled in as values of columns."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cargo_ai.console.views.segmentation.condition_form import InvalidForm, parse_json
from cargo_ai.console.views.storage.model_pages import Column
from cargo_ai.kernel.wire import JsonObject

MAX_EDITED = 20_000
"""A value of more characters is not edited here."""
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][-+]?\d{1,3})?\Z", re.ASCII)
PREFIX = "v."
FORMER = "was."


@dataclass(frozen=True, slots=True)
class Field:
    """A column with its value as text. `kind`: the kind of the form's field. `is_too_large`: it is shown in part, and not edited."""

    column: Column
    text: str
    kind: str
    is_missing: bool
    is_too_large: bool

    @property
    def digest(self) -> str:
        """What says, when the form comes back, whether the text was changed."""
        return digest(self.text)


def digest(text: str) -> str:
    """A short hash of a text, however its lines end."""
    return hashlib.sha256(_lines(text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fields_of(columns: list[Column], record: JsonObject) -> list[Field]:
    """A field for each column that people write."""
    return [_field(column, record.get(column.slug)) for column in columns if column.is_writable]


def _field(column: Column, value: object) -> Field:
    kind = {"boolean": "select", "number": "number", "object": "json", "array": "json", "vector": "json", "any": "json"}.get(column.type)
    text = to_text(value, column.type)
    is_long = kind is None and (len(text) > 80 or "\n" in text)
    return Field(column, text[:MAX_EDITED], kind or ("textarea" if is_long else "text"), value is None, len(text) > MAX_EDITED)


def to_text(value: object, type: str) -> str:
    """The value as a field has it; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and type in {"string", "date"}:
        return value
    return json.dumps(value, ensure_ascii=False)


def changes_of(columns: list[Column], form: Mapping[str, str]) -> JsonObject:
    """The values of the columns whose fields were changed. An empty field is null. InvalidForm says which cannot be read."""
    changes: JsonObject = {}
    for column in columns:
        name = f"{PREFIX}{column.slug}"
        if not column.is_writable or name not in form:
            continue
        if digest(form[name]) != form.get(f"{FORMER}{column.slug}"):
            changes[column.slug] = _value(column, _lines(form[name]))
    return changes


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _value(column: Column, text: str) -> object:
    if text == "":
        return None
    if column.type == "number":
        if not _NUMBER.match(text.strip()):
            raise InvalidForm(f"{column.label}: {text[:100]} is not a number.")
        return float(text) if {".", "e", "E"} & set(text) else int(text)
    if column.type == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text if column.type in {"string", "date"} else parse_json(text, column.label)
