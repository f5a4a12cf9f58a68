"""Values of fields: as they are written, as they stand in SOQL, and as two of them are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
JsonObject = Mapping[str, Json]

NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})
IDS = frozenset({"id", "reference"})
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ESCAPED = re.compile(r"[\\'\n\r\t\b\f]")


def checked_name(name: str, what: str = "field") -> str:
    """An API name as it may stand in SOQL and in paths. InvalidConfig for anything else."""
    if not _NAME.fullmatch(name):
        raise InvalidConfig(
            f"The {what} {name[:100]!r} is not an API name: that has letters, digits and underscores, as Amount or Score__c."
        )
    return name


def is_id(text: str) -> bool:
    """Whether a text has the form of a record id."""
    return _ID.fullmatch(text) is not None


def writable(value: Json) -> Json:
    """A value as Salesforce takes it: several choices with `;` between them. InvalidConfig for what no field can hold."""
    if value == "":
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        choices = cast("list[Json]", value)
        if all(isinstance(choice, (str, int, float)) for choice in choices):
            return ";".join(str(choice) for choice in choices)
    if isinstance(value, dict):
        # A parent by an external id of its own: {"Account": {"Domain__c": "example.com"}}.
        parent = cast("dict[str, Json]", value)
        if len(parent) == 1 and all(isinstance(key, (str, int, float)) for key in parent.values()):
            return {checked_name(name): key for name, key in parent.items()}
    raise InvalidConfig("a field of Salesforce holds a text, a number, true or false, a list of choices, or {externalIdField: value}.")


def quoted(text: str) -> str:
    """A text as it stands in SOQL."""
    if "\0" in text:
        raise InvalidConfig("a value has the character NUL in it, which no field can hold.")
    return "'" + _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text) + "'"


def literal(definition: JsonObject, key: str) -> str:
    """The value of a field as it stands in SOQL: quoted, or proven to be of the field's type."""
    kind, name = str(definition.get("type")), str(definition.get("name"))
    if definition.get("filterable") is False:
        raise InvalidConfig(f"Salesforce cannot search by {name}: its type, {kind}, is not filterable.")
    if kind in NUMBERS:
        return _proven(_NUMBER.fullmatch(key) is not None, key, name, "a number")
    if kind == "boolean":
        return _proven(key.lower() in ("true", "false"), key.lower(), name, "true or false")
    if kind == "date":
        return _proven(_DATE.fullmatch(key) is not None, key, name, "a date as 2026-11-27")
    if kind == "datetime":
        moment = _moment(key)
        return _proven(moment is not None, "" if moment is None else moment_text(moment), name, "a time as 2026-11-27T10:00:00Z")
    if kind in IDS:
        return quoted(_proven(is_id(key), key, name, "a record id of 15 or 18 letters and digits"))
    return quoted(key)


def of_type(definition: JsonObject, key: str) -> Json:
    """The value of a field as it is sent in JSON."""
    if str(definition.get("type")) in NUMBERS and _NUMBER.fullmatch(key):
        return float(key) if "." in key else int(key)
    return key


def canonical(definition: JsonObject, value: Json) -> str:
    """A value as two are compared: Salesforce knows no case in texts, unless the field does, and ids in two lengths."""
    kind = str(definition.get("type"))
    if value is None:
        return ""
    text = str(value)
    if kind in NUMBERS:
        try:
            return str(Decimal(text).normalize() + 0)
        except InvalidOperation:
            return text
    if kind == "datetime":
        moment = _moment(text)
        return text if moment is None else moment_text(moment)
    if kind in IDS:
        return text[:15]
    return text if definition.get("caseSensitive") else text.lower()


def same(definition: JsonObject, present: Json, value: Json) -> bool:
    """Whether a field holds a value already, letter by letter."""
    exact = {**definition, "caseSensitive": True}
    if isinstance(value, dict):
        return False
    if isinstance(present, bool) or isinstance(value, bool):
        return str(present).lower() == str(value).lower()
    return canonical(exact, present) == canonical(exact, value)


def moment_text(moment: datetime) -> str:
    """A time as it stands in SOQL."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _proven(holds: bool, text: str, name: str, what: str) -> str:
    if not holds:
        raise InvalidConfig(f"the field {name} is compared with {what}.")
    return text
