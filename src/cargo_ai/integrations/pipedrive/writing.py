"""Write-backs: Pipedrive has no upsert, so it is looked at what there is, and then written what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Done, Failed, InvalidConfig, Later, Outcome
from cargo_ai.integrations.kit.writes import Operation, written_records
from cargo_ai.integrations.kit.writes.actions import SingleWrites
from cargo_ai.integrations.kit.writes.batches import MAX_MATCHES, Row, Target
from cargo_ai.integrations.kit.writes.fields import UpdateRecords, UpsertRecords
from cargo_ai.integrations.pipedrive.custom_fields import Names, names_of
from cargo_ai.integrations.pipedrive.fields import FIELDS
from cargo_ai.integrations.pipedrive.objects import RECORD_ID, object_of, spelled
from cargo_ai.integrations.pipedrive.records import change, create, find
from cargo_ai.integrations.pipedrive.values import differs, written_values

Json = Any
JsonObject = Mapping[str, Json]

LAG_SECONDS = 15.0
"""For so long a new record may not be found: what a lost call may have created is looked for once more before it is created again."""
_LOOKED = "looked"


async def update(request: ActionRequest, form: UpdateRecords, row: Row, target: Target) -> Outcome:
    """Change every record that matches; those that are as wanted are left alone."""
    names = await names_of(request.service, object_of(target.object_type), [target.match_by, *row.values])
    body = written_values(names, row.values)
    records = await find(request.service, names, target.match_by, row.key, MAX_MATCHES + 1)
    if not records:
        return _missing(target, row)
    if len(records) > MAX_MATCHES:
        return _ambiguous(target, row, f"More than {MAX_MATCHES}")
    changed = 0
    for record in records:
        body = written_values(names, row.values, record)
        if differs(record, body):
            await change(request.service, names.object, record["id"], body)
            changed += 1
    return of_records(names, "updated" if changed else "unchanged", records)


async def upsert(request: ActionRequest, form: UpsertRecords, row: Row, target: Target) -> Outcome:
    """Create the record, or change the one that matches, as the policy allows."""
    service, by = request.service, target.match_by
    names = await names_of(service, object_of(target.object_type), [by, *row.values])
    creating = written_values(names, _created(names, by, row))
    records = await find(service, names, by, row.key, 2)
    if not records:
        if target.policy == "updateOnly" or spelled(by) == RECORD_ID:
            return _missing(target, row)
        if request.call.repeated and not _has_looked(request.call.meta):
            return Later(LAG_SECONDS, {_LOOKED: True}, "Pipedrive's search may not know yet what an earlier attempt has created")
        return of_records(names, "created", [await create(service, names.object, creating)])
    if target.policy == "createOnly":
        return of_records(names, "skipped", records, "The record exists.")
    if len(records) > 1:
        return _ambiguous(target, row, "Several")
    body = written_values(names, row.values, records[0])
    if not differs(records[0], body):
        return of_records(names, "unchanged", records)
    return of_records(names, "updated", [await change(service, names.object, records[0]["id"], body)])


async def insert(request: ActionRequest, object_type: str, values: JsonObject) -> Outcome:
    """Create a record. Pipedrive has no key against doubles, so that a record whose outcome is unknown is not sent again."""
    names = await names_of(request.service, object_of(object_type), [*values])
    return of_records(names, "created", [await create(request.service, names.object, written_values(names, values))])


def _created(names: Names, by: str, row: Row) -> dict[str, Json]:
    """The values of a new record, with the one by which it would have been found, unless the mappings give that field another one."""
    own = names.custom(by)
    given = any(spelled(name) == spelled(by) if own is None else names.custom(name) == own for name in row.values)
    return dict(row.values) if given or spelled(by) == RECORD_ID else {by: row.key, **row.values}


def _has_looked(meta: Json) -> bool:
    return isinstance(meta, Mapping) and _LOOKED in meta


def _missing(target: Target, row: Row) -> Done:
    return written_records("skipped", [], reason=f"There is no such record of {target.object_type}: {target.match_by} is {row.key}.")


def _ambiguous(target: Target, row: Row, count: str) -> Failed:
    which = f"{count} records of {target.object_type} have {target.match_by} {row.key}"
    return Failed(f"{which}: it is unclear which to change. Match by a field that tells them apart, or by id.", reason="ambiguous")


def of_records(names: Names, operation: Operation, records: Sequence[JsonObject], reason: str | None = None) -> Done:
    """The result of a run that concerns these records."""
    return written_records(operation, [str(record["id"]) for record in records], url=names.object.url(records[0]["id"]), reason=reason)


def _values_of(values: dict[str, Json]) -> JsonObject:
    if RECORD_ID in values:
        raise InvalidConfig("`mappings` names id, which Pipedrive sets itself.")
    return values


WRITES = SingleWrites(
    fields=FIELDS, values_of=_values_of, upsert_form=UpsertRecords, update_form=UpdateRecords, upsert=upsert, update=update, insert=insert
)
