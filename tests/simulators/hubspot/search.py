"""Search: filter groups, operators, sorts, pages, and the limits that HubSpot puts on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from tests.simulators.hubspot.records import ObjectType, Record
from tests.simulators.hubspot.refusal import Refused

Json = Any
MAX_GROUPS, MAX_FILTERS, MAX_FILTERS_IN_ALL = 5, 6, 18
MAX_PER_PAGE, MAX_RESULTS, MAX_VALUES, MAX_BYTES = 200, 10_000, 100, 3_000


def search(kind: ObjectType, request: Mapping[str, Json], lag: float, size: int) -> dict[str, Json]:
    """One page. Records are found `lag` seconds after they were created, and with their new values as long after an update."""
    groups = _groups(kind, request, size)
    limit, start = _page(request)
    names = [str(name) for name in request.get("properties") or kind.shown]
    query = str(request.get("query") or "").lower()
    indexed = time.time() - lag
    matching = [
        record
        for record in kind.records.values()
        if not record.archived
        and record.created <= indexed
        and (not groups or any(all(test(record) for test in tests) for tests in groups))
        and (not query or any(query in value.lower() for value in record.values.values()))
    ]
    matching = _sorted(kind, matching, request.get("sorts") or [])
    page = matching[start : start + limit]
    answer: dict[str, Json] = {"total": len(matching), "results": [kind.show(record, names) for record in page]}
    if start + limit < len(matching):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return answer


def _problem(detail: str) -> Refused:
    return Refused(400, f"There was a problem with the request. {detail}")


def _page(request: Mapping[str, Json]) -> tuple[int, int]:
    limit, after = int(request.get("limit") or 10), request.get("after") or 0
    if not 1 <= limit <= MAX_PER_PAGE:
        raise _problem(f"The limit must be between 1 and {MAX_PER_PAGE}.")
    if not str(after).isdigit():
        raise _problem("The after value must be an integer.")
    if int(after) + limit > MAX_RESULTS:
        # The page says "will result in a 400 error"; clients report that the page that would pass the border already fails.
        raise _problem(f"Paging beyond {MAX_RESULTS} results is not possible.")
    return limit, int(after)


def _groups(kind: ObjectType, request: Mapping[str, Json], size: int) -> list[list[Callable[[Record], bool]]]:
    if size > MAX_BYTES:
        raise _problem(f"The request body is longer than {MAX_BYTES} characters.")
    groups = cast("list[Mapping[str, Json]]", request.get("filterGroups") or [])
    filters = [cast("list[Mapping[str, Json]]", group.get("filters") or []) for group in groups]
    if len(groups) > MAX_GROUPS or any(len(tests) > MAX_FILTERS for tests in filters) or sum(map(len, filters)) > MAX_FILTERS_IN_ALL:
        raise _problem(f"At most {MAX_GROUPS} filter groups of {MAX_FILTERS} filters, {MAX_FILTERS_IN_ALL} in all, are allowed.")
    return [[_test(kind, document) for document in tests] for tests in filters]


def _test(kind: ObjectType, document: Mapping[str, Json]) -> Callable[[Record], bool]:
    name, operator = str(document.get("propertyName", "")), str(document.get("operator", ""))
    definition = kind.properties.get(name)
    if definition is None:
        raise _problem(f"{name} is not a property of {kind.label}.")
    if operator not in _OPERATORS:
        raise _problem(f"{operator} is not an operator.")
    numeric = definition.type in ("number", "date", "datetime")
    values = [str(value) for value in cast("list[Json]", document.get("values") or [])]
    if operator in ("IN", "NOT_IN") and not 1 <= len(values) <= MAX_VALUES:
        raise _problem(f"{operator} takes 1 to {MAX_VALUES} values.")
    if operator in _BARE and "value" in document:
        raise _problem(f"{operator} takes no value.")
    # As documented, texts in IN and NOT_IN have to be given in lower case; they are compared without regard to case.
    given = [value.lower() for value in values] or [str(document.get("value", "")).lower()]
    if operator == "BETWEEN":
        given.append(str(document.get("highValue", "")).lower())
    decide = _OPERATORS[operator]

    def test(record: Record) -> bool:
        value = kind.value(record, name)
        return decide(None if value is None else value.lower(), given, numeric)

    return test


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[str | None, list[str], bool], bool]:
    def decide(value: str | None, given: list[str], numeric: bool) -> bool:
        if value is None:
            return False
        return compare(_number(value), _number(given[0])) if numeric else compare(value, given[0])

    return decide


def _token(value: str | None, given: list[str], _numeric: bool) -> bool:
    words = (value or "").replace("@", " ").replace(".", " ").split()
    wanted = given[0]
    if wanted.startswith("*") or wanted.endswith("*"):
        part = wanted.strip("*")
        return any(part in word for word in [*words, value or ""])
    return wanted in words or wanted == value


_BARE = {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}
_OPERATORS: dict[str, Callable[[str | None, list[str], bool], bool]] = {
    "EQ": _ordered(lambda left, right: left == right),
    # As with the live service, a record without a value is not "unequal".
    "NEQ": _ordered(lambda left, right: left != right),
    "LT": _ordered(lambda left, right: left < right),
    "LTE": _ordered(lambda left, right: left <= right),
    "GT": _ordered(lambda left, right: left > right),
    "GTE": _ordered(lambda left, right: left >= right),
    "BETWEEN": lambda value, given, _numeric: value is not None and _number(given[0]) <= _number(value) <= _number(given[1]),
    "IN": lambda value, given, _numeric: value in given,
    "NOT_IN": lambda value, given, _numeric: value is not None and value not in given,
    "HAS_PROPERTY": lambda value, _given, _numeric: value is not None,
    "NOT_HAS_PROPERTY": lambda value, _given, _numeric: value is None,
    "CONTAINS_TOKEN": _token,
    "NOT_CONTAINS_TOKEN": lambda value, given, numeric: not _token(value, given, numeric),
}


def _sorted(kind: ObjectType, records: list[Record], sorts: Sequence[Json]) -> list[Record]:
    if len(sorts) > 1:
        raise _problem("Only one sort is allowed.")
    if not sorts:
        return records
    sort = sorts[0]
    name = sort if isinstance(sort, str) else str(cast("Mapping[str, Json]", sort).get("propertyName", ""))
    descending = not isinstance(sort, str) and cast("Mapping[str, Json]", sort).get("direction") == "DESCENDING"
    definition = kind.properties.get(name)
    if definition is None:
        raise _problem(f"{name} is not a property of {kind.label}.")
    numeric = definition.type in ("number", "date", "datetime")

    def key(record: Record) -> tuple[bool, float, str]:
        value = kind.value(record, name)
        return (value is None, _number(value) if numeric and value else 0.0, "" if numeric else value or "")

    return sorted(records, key=key, reverse=descending)
