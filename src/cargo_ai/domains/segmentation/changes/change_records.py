"""Change records: read which records a change has, of which kinds, and what those records are now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.contract.segmentation.change import ChangeKind
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records import rows
from cargo_ai.records.catalog import Relation
from cargo_ai.store import driver

_KIND_CODES = {"added": "a", "updated": "u", "removed": "r"}
KINDS_BY_CODE = {letter: kind for kind, letter in _KIND_CODES.items()}
# Records that were in the segment then and did not differ: those in it now, or removed later, unless their first later change added them.
_UNCHANGED = """
select m.record_id, 's' as kind from (
    select record_id from public.segment_members where segment_uuid = %(segment)s
    union
    select record_id from public.segment_change_records where segment_uuid = %(segment)s and no > %(no)s and kind = 'r'
) as m
left join public.segment_change_records as c on c.segment_uuid = %(segment)s and c.no = %(no)s and c.record_id = m.record_id
left join (
    select distinct on (record_id) record_id, kind from public.segment_change_records
    where segment_uuid = %(segment)s and no > %(no)s and kind <> 'u' order by record_id, no
) as later on later.record_id = m.record_id
where c.record_id is null and later.kind is distinct from 'a'
"""
_CHANGED = """
select record_id, kind::text from public.segment_change_records
where segment_uuid = %(segment)s and no = %(no)s and kind::text = any(%(kinds)s) and (not own or %(own)s)
"""


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """The records of some kinds of a segment's change; `own`: also those that were excluded as self-caused."""

    segment: uuid.UUID
    no: int
    kinds: tuple[ChangeKind, ...]
    own: bool = True

    @property
    def params(self) -> dict[str, Any]:
        """The values of the statements."""
        codes = [_KIND_CODES[kind] for kind in self.kinds if kind in _KIND_CODES]
        return {"segment": self.segment, "no": self.no, "kinds": codes, "own": self.own}

    @property
    def query(self) -> str:
        """A select of (record_id, kind)."""
        return f"{_CHANGED} union all {_UNCHANGED}" if "unchanged" in self.kinds else _CHANGED


async def page(connection: driver.Connection, query: ChangeQuery, limit: int, offset: int) -> list[tuple[str, ChangeKind]]:
    """A page of ids with their kinds, by id."""
    statement = f"select record_id, kind from ({query.query}) as c order by record_id limit %(limit)s offset %(offset)s"  # noqa: S608 - ours
    return _to_kinds(await driver.fetch(connection, statement, query.params | {"limit": limit, "offset": offset}))


async def page_after(connection: driver.Connection, query: ChangeQuery, last: str | None, limit: int) -> list[tuple[str, ChangeKind]]:
    """The next page of ids with their kinds, after the id `last`."""
    statement = (
        f"select record_id, kind from ({query.query}) as c where record_id > %(last)s or %(last)s::text is null "  # noqa: S608 - ours
        "order by record_id limit %(limit)s"
    )
    return _to_kinds(await driver.fetch(connection, statement, query.params | {"limit": limit, "last": last}))


def _to_kinds(rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, ChangeKind]]:
    return [(str(uid), KINDS_BY_CODE.get(code, "unchanged")) for uid, code in rows]  # pyright: ignore[reportReturnType]


async def read_records(connection: driver.Connection, relation: Relation, page: Sequence[tuple[str, ChangeKind]]) -> list[JsonObject]:
    """The records as they are now, each with its `_kind`; one that no longer exists has its `_id` and nulls."""
    present = {record["_id"]: record for record in await rows.get(connection, relation, [uid for uid, _ in page])}
    empty = {column.slug: None for column in rows.all_columns(relation)}
    return [{"_kind": kind, **present.get(uid, empty | {"_id": uid})} for uid, kind in page]
