"""SOQL, a subset: select, from, where with AND, OR, NOT and brackets, order by, limit; values have to be of the field's type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from tests.simulators.salesforce.org import NUMBERS, FieldType, ObjectType, Org, refused
from tests.simulators.serving import Refused

Json = Any
JsonObject = dict[str, Json]
Keep = Callable[[JsonObject], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<time>\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2}))?)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z][\w.]*)|(?P<mark><=|>=|!=|<>|[=<>(),]))",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def malformed(message: str) -> Refused:
    """A query that is not SOQL."""
    return refused(400, "MALFORMED_QUERY", message)


@dataclass(frozen=True)
class Token:
    """One word of a query."""

    kind: str
    text: str


def _tokens(soql: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while soql[at:].strip():
        match = _TOKEN.match(soql, at)
        if match is None or match.lastgroup is None:
            raise malformed(f"unexpected token: '{soql[at:].strip()[:20]}'")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


@dataclass
class Query:
    """A query that was read."""

    kind: ObjectType
    paths: list[str]
    keep: Keep = lambda _record: True
    order: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    limit: int | None = None


def run(org: Org, soql: str, *, everything: bool = False) -> list[JsonObject]:
    """The records, as they are answered; `everything`: also those in the recycle bin."""
    reader = _Reader(org, _tokens(soql))
    query = reader.query()
    present = [*query.kind.records.values(), *(query.kind.trash.values() if everything else ())]
    records = [record for record in present if query.keep(record)]
    for path, descending in reversed(query.order):
        records.sort(key=cmp_to_key(_comparing(reader, path)), reverse=descending)
    return [reader.answered(record, query.paths) for record in records[: query.limit]]


def _comparing(reader: _Reader, path: str) -> Callable[[JsonObject, JsonObject], int]:
    def compare(one: JsonObject, other: JsonObject) -> int:
        left, right = reader.value(one, path), reader.value(other, path)
        if left is None or right is None:
            return (left is not None) - (right is not None)
        return (left > right) - (left < right)

    return compare


class _Reader:
    def __init__(self, org: Org, tokens: list[Token]) -> None:
        self._org, self._tokens, self._at = org, tokens, 0
        self._kind: ObjectType | None = None

    @property
    def kind(self) -> ObjectType:
        """The object that is queried."""
        assert self._kind is not None
        return self._kind

    def query(self) -> Query:
        """The whole of it."""
        self._word("select")
        names = [self._next("name").text]
        while self._taken(","):
            names.append(self._next("name").text)
        self._word("from")
        named = self._next("name").text
        self._kind = next((one for one in self._org.objects.values() if one.name.lower() == named.lower()), None)
        if self._kind is None:
            raise refused(400, "INVALID_TYPE", f"sObject type '{named}' is not supported.")
        for name in names:
            self.field(name)
        if len({name.lower() for name in names}) != len(names):
            raise refused(400, "INVALID_FIELD", "duplicate field selected")
        query = Query(self.kind, names)
        if self._is("where"):
            query.keep = self._any()
        if self._is("order"):
            self._word("by")
            query.order = self._order()
        if self._is("limit"):
            query.limit = int(self._next("number").text)
        if self._at < len(self._tokens):
            raise malformed(f"unexpected token: '{self._tokens[self._at].text}'")
        return query

    def field(self, path: str) -> FieldType:
        """The field at a path over parents."""
        kind = self.kind
        *parents, last = path.split(".")
        for parent in parents:
            reference = next((one for one in kind.fields.values() if one.relationship.lower() == parent.lower() and one.to), None)
            if reference is None:
                raise refused(400, "INVALID_FIELD", f"Didn't understand relationship '{parent}' in field path.")
            kind = self._org.objects[reference.to]
        known = kind.field_named(last)
        if known is None:
            raise refused(400, "INVALID_FIELD", f"No such column '{last}' on entity '{kind.name}'.")
        return known

    def value(self, record: JsonObject | None, path: str) -> Json:
        """The value at a path."""
        kind = self.kind
        *parents, last = path.split(".")
        for parent in parents:
            reference = next(one for one in kind.fields.values() if one.relationship.lower() == parent.lower() and one.to)
            kind = self._org.objects[reference.to]
            record = None if record is None else kind.records.get(str(record[reference.name]))
        known = kind.field_named(last)
        return None if record is None or known is None else record[known.name]

    def answered(self, record: JsonObject, paths: list[str]) -> JsonObject:
        """The fields that were asked for, those of parents nested."""
        url = f"/services/data/v67.0/sobjects/{self.kind.name}/{record['Id']}"
        given: JsonObject = {"attributes": {"type": self.kind.name, "url": url}}
        for path in paths:
            *parents, _ = path.split(".")
            into = given
            for parent in parents:
                into = into.setdefault(parent, {"attributes": {}})
            into[self.field(path).name] = self.value(record, path)
        return given

    def _order(self) -> list[tuple[str, bool]]:
        order: list[tuple[str, bool]] = []
        while True:
            path = self._next("name").text
            self.field(path)
            descending = self._is("desc")
            if not descending:
                self._is("asc")
            order.append((path, descending))
            if not self._taken(","):
                return order

    def _any(self) -> Keep:
        parts = [self._all()]
        while self._is("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda record: any(keep(record) for keep in parts)

    def _all(self) -> Keep:
        parts = [self._single()]
        while self._is("and"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else lambda record: all(keep(record) for keep in parts)

    def _single(self) -> Keep:
        if self._is("not"):
            negated = self._single()
            return lambda record: not negated(record)
        if self._taken("("):
            inner = self._any()
            self._mark(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Keep:
        path = self._next("name").text
        kind = self.field(path)
        if not kind.describe()["filterable"]:
            raise refused(400, "INVALID_FIELD", f"field '{path}' can not be filtered in a query call")
        if self._is("not"):
            self._word("in")
            listed = self._list(kind)
            return lambda record: not any(kind.same(self.value(record, path), one) for one in listed)
        if self._is("in"):
            values = self._list(kind)
            return lambda record: any(kind.same(self.value(record, path), one) for one in values)
        if self._is("like"):
            pattern = _pattern(self._next("text").text)
            return lambda record: pattern.fullmatch(str(self.value(record, path) or "")) is not None
        mark = self._next("mark").text
        value = self._literal(kind)
        return lambda record: _holds(kind, mark, self.value(record, path), value)

    def _list(self, kind: FieldType) -> list[Json]:
        self._mark("(")
        values = [self._literal(kind)]
        while self._taken(","):
            values.append(self._literal(kind))
        self._mark(")")
        return values

    def _literal(self, kind: FieldType) -> Json:
        token = self._next("")
        if token.kind == "name" and token.text.lower() in ("null", "true", "false"):
            value = {"null": None, "true": True, "false": False}[token.text.lower()]
            if value is not None and kind.type != "boolean":
                raise _wrong_type(kind)
            return value
        fits = {
            "text": kind.type not in (*NUMBERS, "boolean", "date", "datetime"),
            "number": kind.type in NUMBERS,
            "time": kind.type == ("datetime" if "T" in token.text else "date"),
        }
        if not fits.get(token.kind, False):
            raise _wrong_type(kind)
        if token.kind == "text":
            return _unescaped(token.text)
        return float(token.text) if token.kind == "number" else token.text

    def _next(self, kind: str) -> Token:
        if self._at >= len(self._tokens):
            raise malformed("unexpected token: <EOF>")
        token = self._tokens[self._at]
        if kind and token.kind != kind:
            raise malformed(f"unexpected token: '{token.text[:20]}'")
        self._at += 1
        return token

    def _is(self, word: str) -> bool:
        token = self._tokens[self._at] if self._at < len(self._tokens) else Token("", "")
        taken = token.kind == "name" and token.text.lower() == word
        self._at += taken
        return taken

    def _word(self, word: str) -> None:
        if not self._is(word):
            raise malformed(f"expecting {word}")

    def _taken(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == Token("mark", mark):
            self._at += 1
            return True
        return False

    def _mark(self, mark: str) -> None:
        if not self._taken(mark):
            raise malformed(f"expecting '{mark}'")


def _wrong_type(kind: FieldType) -> Refused:
    quotes = "should not be" if kind.type in (*NUMBERS, "boolean", "date", "datetime") else "should be"
    message = f"value of filter criterion for field '{kind.name}' must be of type {kind.type} and {quotes} enclosed in quotes"
    return refused(400, "INVALID_FIELD", message)


def _unescaped(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise malformed(f"Illegal escape sequence '\\{match[1]}'")
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", replaced, text[1:-1], flags=re.DOTALL)


def _pattern(text: str) -> re.Pattern[str]:
    parts: list[str] = []
    for mark in re.finditer(r"\\(.)|(.)", text[1:-1], re.DOTALL):
        if mark[1] is not None:
            parts.append(re.escape(mark[1] if mark[1] in "%_" else _unescaped(f"'\\{mark[1]}'")))
        else:
            parts.append({"%": ".*", "_": "."}.get(mark[2], re.escape(mark[2])))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _holds(kind: FieldType, mark: str, present: Json, value: Json) -> bool:
    if mark in ("=", "!=", "<>"):
        return kind.same(present, value) is (mark == "=")
    if present is None or value is None:
        return False
    return {"<": present < value, "<=": present <= value, ">": present > value, ">=": present >= value}[mark]
