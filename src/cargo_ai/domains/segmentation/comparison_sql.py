"""Comparison: the one statement that finds what differs between a segment as it is and as it was, notes it, and makes it the new state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlglot import exp

from cargo_ai.contract.segmentation.filter import Condition, Filter, Group
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.ddl import log_table_name
from cargo_ai.records.filter import terms
from cargo_ai.records.hashing import VERSION, hash_expression

_PLAIN = frozenset({"string", "number", "date", "boolean", "object", "array", "vector", "any", "objectProperty"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a segment's kept members were made of. `columns`: (slug, type) that the hashes cover, `every` when all were meant;
    `seen`: transactions before this one had all been seen; `moment`: which had been, exactly; `rule`: a digest of filter, order and
    limit."""

    version: int
    columns: tuple[tuple[str, str], ...]
    every: bool
    rule: str
    log: str
    seen: str
    members: int
    moment: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the segment's row."""
        return asdict(self)

    @staticmethod
    def of(kept: dict[str, Any] | None) -> Snapshot | None:
        """The one that was kept."""
        if kept is None:
            return None
        columns: Any = tuple((str(one[0]), str(one[1])) for one in cast("list[list[str]]", kept["columns"]))
        return Snapshot(**{**kept, "columns": columns})


@dataclass(frozen=True, slots=True)
class TrackedColumns:
    """The columns whose changes count; `every`: all that the model has."""

    columns: tuple[Column, ...]
    every: bool

    @staticmethod
    def of(relation: Relation, slugs: Sequence[str] | None) -> TrackedColumns:
        """None is every column. What the model no longer has is left out."""
        if slugs is None:
            return TrackedColumns(relation.columns, True)
        found = (relation.column(slug) for slug in dict.fromkeys(slugs))
        return TrackedColumns(tuple(one for one in found if one is not None), False)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """As a snapshot keeps them."""
        return tuple((one.slug, one.type) for one in self.columns)


def membership_digest(filter: Filter, sort: Sequence[Any], limit: int | None) -> str:
    """A digest of what decides about membership."""
    told = [filter.to_wire(), [one.to_wire() for one in sort], limit]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def is_local(filter: Filter, found: Selection, tracked: TrackedColumns) -> bool:
    """Whether a record's own stored columns alone decide whether it is in and which hash it has: then the touched records suffice."""
    if found.limit is not None or found.scope.relative or any(one.is_computed_by_view for one in tracked.columns):
        return False
    return all(_is_on_stored_column(one, found.relation) for group in filter.groups for one in all_conditions(group))


def all_conditions(group: Group) -> list[Condition]:
    """The conditions of a group, those of groups inside it included."""
    return [*group.conditions, *(one for inner in group.groups for one in all_conditions(inner))]


def _is_on_stored_column(condition: Condition, relation: Relation) -> bool:
    if condition.kind not in _PLAIN or getattr(condition, "related_model_uuid", None) not in {None, str(relation.model)}:
        return False
    column = relation.column(str(getattr(condition, "column_slug", "")))
    return column is not None and not column.is_computed_by_view


def precheck_statement(relation: Relation, before: Snapshot | None) -> tuple[str, dict[str, Any]]:
    """The statement before the comparison: up to which transaction everything will have been seen, whether the log fails to name some
    record, and what has been seen exactly.

    It comes first: what commits in between is looked at again the next time, and then differs no more.
    """
    if before is None or before.log != relation.log:
        return "select pg_snapshot_xmin(pg_current_snapshot())::text, true, pg_current_snapshot()::text", {}
    anything = f"select 1 from {log_table_name(relation)} where xid >= %(seen)s::text::xid8 and _id is null"  # noqa: S608 - our own name, quoted
    now = "pg_current_snapshot()"
    return f"select pg_snapshot_xmin({now})::text, exists ({anything}), {now}::text", {"seen": before.seen}


def compare_statement(
    found: Selection, tracked: TrackedColumns, before: Snapshot | None, *, touched: bool, noted: bool
) -> tuple[str, dict[str, Any]]:
    """The comparison, with `%(segment)s` and `%(no)s` to be given; a row of how many were added, updated and removed.

    One statement, so that everything is of one moment. `touched`: only the records that the log names; `noted`: the records of the
    change are written down.
    """
    params = dict(found.scope.params)
    now, then = _hash(found.relation, tracked.columns), _comparable(found.relation, tracked, before)
    hashes = [exp.Var(this=now)] if then in (None, now) else [exp.Var(this=now), exp.Var(this=then)]
    old = "h1" if len(hashes) > 1 else "h0"
    differs = "false" if then is None and before is not None else f"o.h <> n.{old}"
    kept, ctes = "select record_id, h from public.segment_members where segment_uuid = %(segment)s", list[str]()
    among: exp.Expr | None = None
    if touched and before is not None:
        params["seen"] = before.seen
        log = log_table_name(found.relation)
        ids = f"select distinct _id as record_id from {log} where xid >= %(seen)s::text::xid8 and _id is not null"  # noqa: S608 - ours
        ctes.append(f"touched as materialized ({ids})")
        kept += " and record_id in (select record_id from touched)"
        among = exp.Select(expressions=[exp.column("record_id")]).from_("touched")
    ctes += [
        f"present as materialized ({terms.to_sql(found.members(*hashes, among=among))})",
        "delta as materialized (select coalesce(n.record_id, o.record_id) as record_id, n.h0 as h, "  # noqa: S608 - compiled
        "case when o.record_id is null then 'a' "
        f"when n.record_id is null then 'r' when {differs} then 'u' else 's' end as kind from present as n full join ({kept}) as o "
        f"on o.record_id = n.record_id where o.record_id is null or n.record_id is null or {differs} or o.h <> n.h0)",
        "gone as (delete from public.segment_members as m using delta as d where m.segment_uuid = %(segment)s "
        "and m.record_id = d.record_id and d.kind = 'r')",
        "here as (insert into public.segment_members (segment_uuid, record_id, h) select %(segment)s::uuid, record_id, h from delta "
        "where kind <> 'r' on conflict (segment_uuid, record_id) do update set h = excluded.h)",
    ]
    if noted:
        ctes.append(
            "noted as (insert into public.segment_change_records (segment_uuid, no, record_id, kind) "
            "select %(segment)s::uuid, %(no)s::bigint, record_id, kind::\"char\" from delta where kind <> 's')"
        )
    counts = ", ".join(f"count(*) filter (where kind = '{kind}')" for kind in "aur")
    return f"with {', '.join(ctes)} select {counts} from delta", params  # noqa: S608 - compiled, names of ours


def _hash(relation: Relation, columns: Sequence[Column]) -> str:
    """The hash of columns of the view `r`; what the table keeps ready is taken where all of that is meant."""
    stored = {one.slug for one in relation.stored_columns}
    if stored and stored <= {one.slug for one in columns}:
        others = [one for one in columns if one.slug not in stored]
        return f"(r._hash # {hash_expression(others, 'r')})" if others else "r._hash"
    return hash_expression(columns, "r")


def _comparable(relation: Relation, tracked: TrackedColumns, before: Snapshot | None) -> str | None:
    """The hash that can be compared with the kept one, over the columns that it covers; None when there is none (or no snapshot).

    A column that was added, empty, since counts as covered: what is in it now is new. One that is computed is no change of the record.
    """
    if before is None or before.version != VERSION or not set(before.columns) <= set(tracked.names):
        return None
    fresh = before.every and tracked.every
    covered = [one for one in tracked.columns if (one.slug, one.type) in before.columns or (fresh and one.writable)]
    return _hash(relation, covered)
