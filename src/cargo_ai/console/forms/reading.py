"""Convert a posted form to a JSON value, or to the errors of its fields by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from cargo_ai.console.forms import expressions
from cargo_ai.console.forms.fields import Field
from cargo_ai.console.forms.names import below, beside
from cargo_ai.console.forms.texts import HIDDEN, MAX_ROWS, Texts, branch_of, texts_of
from cargo_ai.kernel.schemas.json_limits import MAX_DEPTH, MAX_ITEMS, measure
from cargo_ai.kernel.schemas.json_schema import NoSchema, validator_of

Json = Any
Posted = Mapping[str, Sequence[str]]

MAX_TEXT: Final = 200_000
MAX_DIGITS: Final = 400


class _Absent:
    """No value was entered."""


ABSENT: Final = _Absent()


@dataclass(slots=True)
class Reading:
    """The value of a form, ABSENT where nothing was entered, and what is wrong by the names of its fields."""

    value: Json = ABSENT
    errors: dict[str, str] = field(default_factory=dict[str, str])


def read(form: Field, posted: Posted, current: Json = None, name: str = "") -> Reading:
    """The value of the form. current: what is stored; a secret that was left empty keeps its value."""
    reader = _Reader(posted)
    value = reader.value(form, name, current)
    return Reading(value, reader.errors)


def rows_of(posted: Posted, name: str) -> list[str]:
    """The numbers of the rows that a form shows."""
    numbers = _first(posted, beside(name, "rows")).split(",")
    return [number for number in dict.fromkeys(numbers) if number.isascii() and number.isdigit() and len(number) < 6][:MAX_ROWS]


def branch_posted(form: Field, posted: Posted, name: str) -> int | None:
    """The alternative that was chosen; None: no one."""
    text = _first(posted, beside(name, "choice"))
    place = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    return place if 0 <= place < len(form.branches) else None


class _Reader:
    def __init__(self, posted: Posted) -> None:
        self._posted = posted
        self.errors: dict[str, str] = {}

    def value(self, form: Field, name: str, current: Json) -> Json:
        """The value of a field; ABSENT where it is empty, which is an error where it is required."""
        if text := _first(self._posted, beside(name, "json")).strip():
            return self._json(form, name, text, current)
        value = self._entered(form, name, current)
        if value is ABSENT and form.required and name not in self.errors:
            if form.nullable:
                return None
            if form.kind in ("text", "area") and not form.schema.get("minLength"):
                return self._fitting(form, name, "")
            self.errors[name] = "is required"
        return value

    def kept(self, part: Field, name: str, stored: Mapping[str, Json]) -> Json:
        """The value of a property; as it is stored, to the letter, where the fields of an expression form show what they showed."""
        if part.expressions and _cleaned(texts_of(part, stored.get(part.key), name)) == _cleaned(self._posted, name):
            return stored.get(part.key, ABSENT)
        return self.value(part, name, stored.get(part.key))

    def _entered(self, form: Field, name: str, current: Json) -> Json:
        match form.kind:
            case "fixed":
                return form.default
            case "group":
                return self._group(form, name, current)
            case "either":
                place = branch_posted(form, self._posted, name)
                if form.expressions and place != branch_of(form, current):
                    # What the other alternative held is not a value of this one.
                    current = None
                return ABSENT if place is None else self.value(form.branches[place], name, current)
            case "rows" | "pairs":
                return self._rows(form, name, current)
            case "many":
                texts = self._posted.get(name, ())
                values = [option.value for option in form.options if option.text in texts]
                return self._fitting(form, name, values) if values or form.required else ABSENT
            case "flag":
                return bool(_first(self._posted, name))
            case _:
                return self._scalar(form, name, current)

    def _scalar(self, form: Field, name: str, current: Json) -> Json:
        text = _first(self._posted, name)
        if len(text) > MAX_TEXT:
            self.errors[name] = f"has more than {MAX_TEXT:,} characters"
            return ABSENT
        if form.kind == "secret":
            kept = HIDDEN if current == HIDDEN else ABSENT
            return self._fitting(form, name, text) if text else kept
        if not text:
            return ABSENT
        if form.kind == "choice":
            values = [option.value for option in form.options if option.text == text]
            if not values:
                self.errors[name] = "is not one of the choices"
            return values[0] if values else ABSENT
        if form.kind == "json":
            return self._json(form, name, text, current)
        if form.expressions and (entered := expressions.entered(text, current)) is not None:
            return entered
        if form.kind in ("number", "integer"):
            return self._number(form, name, text.strip())
        return self._fitting(form, name, text.replace("\r\n", "\n"))

    def _number(self, form: Field, name: str, text: str) -> Json:
        try:
            value: Json = None if len(text) > MAX_DIGITS else json.loads(text, parse_constant=_no_constant)
        except ValueError:
            value = None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value in (float("inf"), float("-inf")):
            self.errors[name] = "has to be a number"
            return ABSENT
        if form.kind == "integer" and isinstance(value, float):
            if not value.is_integer():
                self.errors[name] = "has to be a whole number"
                return ABSENT
            value = int(value)
        return self._fitting(form, name, value)

    def _json(self, form: Field, name: str, text: str, current: Json) -> Json:
        if len(text) > MAX_TEXT:
            self.errors[name] = f"has more than {MAX_TEXT:,} characters"
            return ABSENT
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as failure:
            if form.expressions and (entered := expressions.as_text(text, current)) is not None:
                return self._fitting(form, name, entered)
            self.errors[name] = f"is not JSON: {str(failure)[:200]}"
            return ABSENT
        shape = measure(text.encode("utf-8", "replace"))
        if shape.depth > MAX_DEPTH or shape.items > MAX_ITEMS:
            self.errors[name] = "is too large or nested too deeply"
            return ABSENT
        return self._fitting(form, name, value)

    def _group(self, form: Field, name: str, current: Json) -> Json:
        stored = cast("dict[str, Json]", current) if isinstance(current, dict) else {}
        shown = {field.key for field in form.fields}
        value = {key: entry for key, entry in stored.items() if form.extras and key not in shown}
        inside = _Reader(self._posted)
        for part in form.fields:
            entry = inside.kept(part, below(name, part.key), stored)
            if entry is not ABSENT:
                value[part.key] = entry
        value = {key: value[key] for key in stored if key in value} | value
        if not form.required and not stored and not _typed(self._posted, name):
            return ABSENT
        self.errors |= inside.errors
        return value

    def _rows(self, form: Field, name: str, current: Json) -> Json:
        item = form.item
        assert item is not None
        values: list[Json] = []
        pairs: dict[str, Json] = {}
        for number in rows_of(self._posted, name):
            row = below(name, number)
            key = _first(self._posted, beside(row, "key"))
            if not key and not _typed(self._posted, row):
                continue
            value = self.value(item, row, _stored(current, key if form.kind == "pairs" else number))
            if form.kind == "pairs" and (not key or key in pairs):
                self.errors[row] = "has no name" if not key else "has the name of another one"
            elif value is not ABSENT:
                pairs[key] = value
                values.append(value)
        if not values and not form.required:
            return ABSENT
        return self._fitting(form, name, pairs if form.kind == "pairs" else values)

    def _fitting(self, form: Field, name: str, value: Json) -> Json:
        """The value, with an error where it does not fit the schema of the field."""
        if (value is None and form.nullable) or (form.expressions and expressions.are_in(value)):
            return value
        problem = next(_problems(form, value), None)
        if problem is not None and not any(other.startswith(f"{name}/") for other in self.errors):
            self.errors[name] = problem
        return value


def _problems(form: Field, value: Json) -> Iterator[str]:
    try:
        for error in validator_of(form.schema, mask="it").iter_errors(value):
            yield error.message[:300].removeprefix("it ")
    except NoSchema:
        # The operation that takes the value says what is wrong with it.
        return


def _stored(current: Json, key: str) -> Json:
    if isinstance(current, dict):
        return cast("dict[str, Json]", current).get(key)
    rows = cast("list[Json]", current) if isinstance(current, list) else []
    return rows[int(key)] if key.isdigit() and int(key) < len(rows) else None


def _typed(posted: Posted, name: str) -> bool:
    """Whether anything was entered in a field or inside of it."""
    return any(
        any(texts)
        for posted_name, texts in posted.items()
        if posted_name == name or posted_name.startswith((f"{name}/", f"{name}~"))
        if not posted_name.endswith("~rows")
    )


def _cleaned(posted: Posted, name: str = "") -> Texts:
    """What was entered in a field and inside of it: without what is empty, with line ends as they were before a browser sent them."""
    texts = {
        posted_name: [text.replace("\r\n", "\n") for text in texts if text]
        for posted_name, texts in posted.items()
        if not name or posted_name == name or posted_name.startswith((f"{name}/", f"{name}~"))
    }
    return {posted_name: kept for posted_name, kept in texts.items() if kept}


def _first(posted: Posted, name: str) -> str:
    texts = posted.get(name)
    return texts[0] if texts else ""


def _no_constant(text: str) -> Json:
    raise ValueError(f"{text} is not a JSON number")
