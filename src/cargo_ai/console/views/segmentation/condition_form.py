"""One condition of the filter builder: its fields as a condition in JSON, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.kernel.wire import JsonObject

PRESENCE = ("isNull", "isNotNull", "isEmpty", "isNotEmpty")
TEXT = ("is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith")
ORDERED = ("is", "isNot", "greaterThan", "lowerThan", "between")
PROPERTY = (*TEXT, "greaterThan", "lowerThan", "between")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "string": (*TEXT, *PRESENCE),
    "number": (*ORDERED, *PRESENCE),
    "date": (*ORDERED, *PRESENCE),
    "boolean": ("isTrue", "isFalse", *PRESENCE),
    "object": PRESENCE,
    "array": PRESENCE,
    "vector": PRESENCE,
    "any": PRESENCE,
    "objectProperty": (*PROPERTY, *PRESENCE),
    "segment": ("in", "notIn"),
    "enrollment": ("not", "moreThan", "lessThan", "exactly"),
    "occurrence": ("not", "moreThan", "lessThan", "exactly"),
}
"""The operators of each kind, in the order in which they are shown; of the last two, those of how often."""
ACTIVITIES = ("workflowEntered", "workflowNodeExecuted", "workflowLeft")
WITH_PROPERTIES = {"object", "any"}
COLUMN = "column:"
MAX_VALUES = 20
"""A condition with more values than this is shown as its JSON."""
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][-+]?\d{1,3})?\Z", re.ASCII)
_SHOWN = re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]*\Z")
"""What a text field of a browser keeps as it is."""
_HALF = re.compile(r"[\ud800-\udfff]")


class InvalidForm(ValueError):
    """What was filled in cannot be read; the message says what and where."""


@dataclass(frozen=True)
class Condition:
    """The fields of a condition. `about`: what it is about: `column:SLUG`, `column:MODEL:SLUG` of a related model, segment, enrollment,
    occurrence, sql, json; nothing while it is not chosen."""

    about: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    last: str = ""
    key: str = ""
    """The name of a property of an object."""
    target: str = ""
    """The uuid of a segment, workflow or related model."""
    activity: str = ""
    node: str = ""
    times: str = ""
    period: str = ""
    days: str = ""
    text: str = ""
    """The clause in SQL, or the JSON of a condition that has no other fields."""
    name: str = ""

    def fields(self) -> list[tuple[str, str]]:
        """Names and values, without those that say nothing."""
        named = [(name, str(getattr(self, name))) for name in _SINGLE if getattr(self, name)]
        return [("about", self.about), *named, *(("value", value) for value in self.values)]

    @staticmethod
    def parse(fields: Mapping[str, Sequence[str]]) -> Condition:
        """The condition that these fields say."""
        single = {name: fields[name][0].replace("\r\n", "\n") for name in ("about", *_SINGLE) if fields.get(name)}
        return Condition(values=tuple(fields.get("value", ())), **single)

    @property
    def value(self) -> str:
        """The first value."""
        return self.values[0] if self.values else ""


_SINGLE = ("operator", "last", "key", "target", "activity", "node", "times", "period", "days", "text", "name")


def subject(slug: str, model: str | None = None) -> str:
    """What a condition on a column is about; `model`: the related model that has it."""
    return f"{COLUMN}{slug}" if model is None else f"{COLUMN}{model}:{slug}"


def kind_of(condition: Condition, types: Mapping[str, str]) -> str:
    """The kind of condition in JSON that the fields say."""
    if not condition.about.startswith(COLUMN):
        return condition.about
    type = types.get(condition.about, "string")
    return "objectProperty" if type in WITH_PROPERTIES and condition.key else type


def operators_of(condition: Condition, types: Mapping[str, str]) -> tuple[str, ...]:
    """The operators to choose from."""
    return OPERATORS.get(kind_of(condition, types), ())


def to_condition(condition: Condition, types: Mapping[str, str]) -> JsonObject | None:
    """The condition in JSON; None while nothing is chosen that it is about."""
    about = condition.about
    if about == "json":
        value = parse_json(condition.text, "A condition")
        if not isinstance(value, dict):
            raise InvalidForm("A condition is not a JSON object.")
        return cast("JsonObject", value)
    if about == "segment":
        return {"kind": "segment", "operator": _operator(condition, types), "segmentUuid": condition.target}
    if about == "sql":
        return {"kind": "sql", "name": condition.name, "clause": condition.text}
    if about == "enrollment":
        return _enrollment(condition)
    if about == "occurrence":
        return _occurrence(condition)
    return _on_column(condition, types) if about.startswith(COLUMN) else None


def _operator(condition: Condition, types: Mapping[str, str]) -> str:
    """The chosen operator; the first one, where the column was changed after it."""
    known = operators_of(condition, types)
    return condition.operator if condition.operator in known else known[0]


def _on_column(condition: Condition, types: Mapping[str, str]) -> JsonObject:
    kind, operator = kind_of(condition, types), _operator(condition, types)
    *model, slug = condition.about.removeprefix(COLUMN).split(":")
    made: JsonObject = {"kind": kind}
    if model:
        made["relatedModelUuid"] = model[0]
    made["columnSlug"] = slug
    if kind == "objectProperty":
        made["propertyName"] = condition.key
    return made | {"operator": operator} | _values(kind, operator, condition)


def _values(kind: str, operator: str, condition: Condition) -> JsonObject:
    if operator in PRESENCE or kind == "boolean":
        return {}
    if kind == "string":
        return {"values": list(condition.values or ("",))}
    read = {"number": _number, "objectProperty": _scalar}.get(kind, str)
    if operator == "between":
        first, last = ("value", "otherValue") if kind == "objectProperty" else ("firstValue", "lastValue")
        pair = {first: condition.value, last: condition.last}
        return {name: read(text) for name, text in pair.items() if text or kind == "objectProperty"}
    return {"value": read(condition.value)} if condition.value or kind == "objectProperty" else {}


def _number(text: str) -> int | float | str:
    """The number; another text stays, and is refused with its place."""
    text = text.strip()
    if not _NUMBER.match(text):
        return text
    return float(text) if {".", "e", "E"} & set(text) else int(text)


def _scalar(text: str) -> int | float | str | bool:
    return {"true": True, "false": False}[text] if text in {"true", "false"} else (_number(text) if _NUMBER.match(text) else text)


def _counted(operator: str, text: str) -> JsonObject:
    return {"operator": operator or "moreThan"} | ({"value": _number(text)} if text and operator != "not" else {})


def _period(condition: Condition) -> JsonObject:
    return {"operator": condition.period or "moreThan", "value": _number(condition.days or "0"), "unit": "day"}


def _enrollment(condition: Condition) -> JsonObject:
    made: JsonObject = {"kind": "enrollment", "workflowUuid": condition.target, "activityKind": condition.activity or ACTIVITIES[0]}
    if condition.node:
        made["nodeSlug"] = condition.node
    return made | {"frequency": _counted(condition.operator, condition.times), "period": _period(condition)}


def _occurrence(condition: Condition) -> JsonObject:
    made: JsonObject = {"kind": "occurrence", "relatedModelUuid": condition.target}
    made["frequency"] = _counted(condition.operator, condition.times)
    return made | ({"period": _period(condition)} if condition.period else {})


def condition_of(value: Any, types: Mapping[str, str]) -> Condition:
    """The fields that show a condition: those of its kind where they say exactly the same, else its JSON."""
    written = dump(value)
    fallback = Condition(about="json", text=written)
    if not isinstance(value, dict):
        return fallback
    try:
        made = _fields_of(cast("JsonObject", value))
        same = made is not None and dump(to_condition(made, types)) == written
    except (InvalidForm, TypeError, AttributeError):
        return fallback
    return made if made is not None and same and _is_shown(made) else fallback


def _is_shown(condition: Condition) -> bool:
    """Whether a browser sends these fields back as they are."""
    if not all(isinstance(getattr(condition, name), str) for name in _SINGLE):
        return False
    texts = [text.replace("\n", "") if name == "text" else text for name, text in condition.fields()]
    return len(condition.values) <= MAX_VALUES and all(_SHOWN.match(text) for text in texts)


def _fields_of(condition: JsonObject) -> Condition | None:
    kind, operator = condition.get("kind"), str(condition.get("operator", ""))
    if kind == "segment":
        return Condition("segment", operator, target=condition.get("segmentUuid", ""))
    if kind == "sql":
        return Condition("sql", text=condition.get("clause", ""), name=condition.get("name", ""))
    if kind in {"enrollment", "occurrence"}:
        return _recurring_of(str(kind), condition)
    slug = condition.get("columnSlug")
    if not isinstance(slug, str) or ":" in slug:
        return None
    first = next((condition[name] for name in ("value", "firstValue") if name in condition), None)
    last = next((condition[name] for name in ("lastValue", "otherValue") if name in condition), None)
    values = condition.get("values", [] if first is None else [first])
    return Condition(
        subject(slug, condition.get("relatedModelUuid")),
        operator,
        tuple(_text(value) for value in values),
        last="" if last is None else _text(last),
        key=condition.get("propertyName", ""),
    )


def _recurring_of(kind: str, condition: JsonObject) -> Condition:
    frequency: JsonObject = condition.get("frequency", {})
    period: JsonObject = condition.get("period") or {}
    return Condition(
        kind,
        frequency.get("operator", ""),
        target=condition.get("workflowUuid" if kind == "enrollment" else "relatedModelUuid", ""),
        activity=condition.get("activityKind", ""),
        node=condition.get("nodeSlug", ""),
        times=_text(frequency["value"]) if "value" in frequency else "",
        period=period.get("operator", ""),
        days=_text(period["value"]) if "value" in period else "",
    )


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def parse_json(text: str, what: str) -> object:
    """The value of a text; InvalidForm says what is not JSON, and where."""
    try:
        return cast("object", json.loads(text))
    except json.JSONDecodeError as error:
        raise InvalidForm(f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise InvalidForm(f"{what} is not JSON that can be read: a number is too long, or it is nested too deep.") from None


def dump(value: object) -> str:
    """JSON in one form, to show and to compare. Halves of characters, which no form can send, stay escaped."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return json.dumps(value, sort_keys=True) if _HALF.search(text) else text
