"""Batches of up to 100 records: create, read, update, upsert, archive; one answer with the results and the errors of single inputs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from tests.simulators.hubspot.records import ObjectType, Record, timestamp
from tests.simulators.hubspot.refusal import Refused

Json = Any
Input = Mapping[str, Json]
MAX_INPUTS = 100


class Reporting(Protocol):
    """How batches report: see `control.Control`."""

    multi_status: bool
    echo_traces: bool


def inputs_of(request: Json) -> list[Input]:
    """The inputs of a batch. Refuses none and too many."""
    inputs = cast("Mapping[str, Json]", request).get("inputs") if isinstance(request, Mapping) else None
    if not isinstance(inputs, list) or not inputs:
        raise Refused(400, "Invalid input JSON: some required fields were not set: [inputs]")
    listed = cast("list[Input]", inputs)
    if len(listed) > MAX_INPUTS:
        raise Refused(400, f"The maximum number of inputs supported in a batch request is {MAX_INPUTS}. Received {len(listed)}.")
    return listed


def answer_of(results: Sequence[Json], errors: Sequence[Json], started: float, good: int = 200) -> tuple[int, dict[str, Json]]:
    """The status and the body of a batch: 207 as soon as one input failed."""
    body: dict[str, Json] = {"status": "COMPLETE", "results": list(results), "startedAt": timestamp(started)}
    body["completedAt"] = timestamp(time.time())
    if errors:
        body |= {"numErrors": len(errors), "errors": list(errors)}
    return (207 if errors else good), body


def _write(inputs: list[Input], act: Callable[[Input], Json], undo: Callable[[], None], reporting: Reporting) -> tuple[int, Json]:
    """Act on each input. With a different `objectWriteTraceId` on every one, those that fail are named and the others are done; without
    them the first failure refuses the batch as a whole and nothing is done."""
    started = time.time()
    traces = [str(given["objectWriteTraceId"]) if "objectWriteTraceId" in given else None for given in inputs]
    named = reporting.multi_status and None not in traces and len(set(traces)) == len(traces)
    results: list[Json] = []
    errors: list[Json] = []
    for given, trace in zip(inputs, traces, strict=True):
        try:
            result = act(given)
        except Refused as refusal:
            if not named:
                undo()
                raise
            errors.append(refusal.of_row(trace))
        else:
            results.append(result | {"objectWriteTraceId": trace} if trace is not None and reporting.echo_traces else result)
    # The specification says 201 for a batch of new records; the recordings show 200.
    return answer_of(results, errors, started)


class _Undo:
    """What a batch changed so far, to take it back."""

    def __init__(self, kind: ObjectType) -> None:
        self._kind = kind
        self._created: list[Record] = []
        self._before: list[tuple[Record, dict[str, str]]] = []

    def created(self, record: Record) -> Record:
        """Note a new record."""
        self._created.append(record)
        return record

    def updating(self, record: Record) -> Record:
        """Note the values before an update."""
        self._before.append((record, dict(record.values)))
        return record

    def __call__(self) -> None:
        for record in self._created:
            self._kind.archive(record)
            del self._kind.records[record.id]
        for record, values in reversed(self._before):
            cleared = dict.fromkeys(record.values.keys() - values.keys(), "")
            self._kind.update(record, cleared | values)


def create(kind: ObjectType, request: Json, reporting: Reporting) -> tuple[int, Json]:
    """New records."""
    undo = _Undo(kind)

    def act(given: Input) -> Json:
        return kind.show(undo.created(kind.create(_properties(given))), everything=True)

    return _write(inputs_of(request), act, undo, reporting)


def update(kind: ObjectType, request: Json, reporting: Reporting) -> tuple[int, Json]:
    """Changed records, named by id or by a unique property."""
    inputs, undo, started = inputs_of(request), _Undo(kind), time.time()
    _refuse_twice(inputs)
    known = [(given, kind.get(_id(given), cast("str | None", given.get("idProperty")))) for given in inputs]
    records = {id(given): record for given, record in known if record is not None}
    missing = [_id(given) for given, record in known if record is None]

    def act(given: Input) -> Json:
        record = undo.updating(records[id(given)])
        return kind.show(kind.update(record, _properties(given)), everything=True)

    present = [given for given in inputs if id(given) in records]
    status, body = _write(present, act, undo, reporting) if present else answer_of([], [], started)
    if not missing:
        return status, body
    return answer_of(body["results"], [*body.get("errors", []), _missing(kind, missing)], started)


def upsert(kind: ObjectType, request: Json, reporting: Reporting) -> tuple[int, Json]:
    """Records created or changed, named by a unique property; each says whether it is new."""
    inputs, undo = inputs_of(request), _Undo(kind)
    for given in inputs:
        name = str(given.get("idProperty") or "")
        if not name:
            raise Refused(400, "Invalid input JSON: some required fields were not set: [idProperty]")
        if not kind.identifies(name):
            raise kind.not_unique(name)
    _refuse_twice(inputs, kind.identity)

    def act(given: Input) -> Json:
        name, key = str(given["idProperty"]), _id(given)
        record, values = kind.get(key, name), _properties(given)
        if record is None:
            return kind.show(undo.created(kind.create({name: key, **values})), everything=True) | {"new": True}
        undo.updating(record)
        return kind.show(kind.update(record, values) if values else record, everything=True) | {"new": False}

    return _write(inputs, act, undo, reporting)


def read(kind: ObjectType, request: Json) -> tuple[int, Json]:
    """Records by id or by a unique property; what is missing is one error."""
    inputs, started = inputs_of(request), time.time()
    document = cast("Mapping[str, Json]", request)
    id_property = cast("str | None", document.get("idProperty"))
    if id_property and id_property != "hs_object_id" and not kind.identifies(id_property):
        raise kind.not_unique(id_property)
    names = [str(name) for name in document.get("properties") or ()]
    found = {_id(given): kind.get(_id(given), id_property) for given in inputs}
    results = {record.id: kind.show(record, names) for record in found.values() if record is not None}
    missing = [key for key, record in found.items() if record is None]
    return answer_of([*results.values()], [_missing(kind, missing)] if missing else [], started)


def archive(kind: ObjectType, request: Json) -> tuple[int, Json]:
    """Records to the recycling bin; ids that do not exist are not an error (recorded)."""
    for given in inputs_of(request):
        record = kind.get(_id(given))
        if record is not None:
            kind.archive(record)
    return 204, None


def _id(given: Input) -> str:
    if given.get("id") in (None, ""):
        raise Refused(400, "Invalid input JSON: some required fields were not set: [id]")
    return str(given["id"])


def _properties(given: Input) -> Mapping[str, Json]:
    values = given.get("properties")
    if not isinstance(values, Mapping):
        raise Refused(400, "Invalid input JSON: some required fields were not set: [properties]")
    return cast("Mapping[str, Json]", values)


def _refuse_twice(inputs: list[Input], without_case: str = "") -> None:
    """Two inputs with one id refuse the batch as a whole, with or without trace ids (recorded)."""
    keys = Counter(_id(given).lower() if given.get("idProperty") == without_case and without_case else _id(given) for given in inputs)
    twice = [key for key, times in keys.items() if times > 1]
    if twice:
        raise Refused(400, f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique", context={"ids": twice})


def _missing(kind: ObjectType, keys: list[str]) -> Json:
    message = f"Could not get some {kind.label} objects, they may be deleted or not exist. Check that ids are valid."
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": keys}}
