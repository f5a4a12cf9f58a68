"""Comparison SQL: build the one statement that finds how a segment differs from its snapshot, records that, and updates the snapshot."""

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
from cargo_ai.store.transaction_ids import StoredSnapshots

_PLAIN = frozenset({"string", "number", "date", "boolean", "object", "array", "vector", "any", "objectProperty"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a segment's stored members were computed from. The fields are stored as JSON under these names.

    `columns`: the (slug, type) that the hashes cover, `every`: all columns are tracked; `rule`: digest of filter, order and limit;
    `log`: the model's log; `seen`: all transactions before this one were visible; `moment`: the database's snapshot, which says exactly
    which were; `members`: how many records are in the segment.
    """

    version: int
    columns: tuple[tuple[str, str], ...]
    every: bool
    rule: str
    log: str
    seen: str
    members: int
    moment: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored in the segment's row."""
        return asdict(self)

    @staticmethod
    def of(stored: dict[str, Any] | None) -> Snapshot | None:
        """The stored snapshot; None when the segment was never compared."""
        if stored is None:
            return None
        columns: Any = tuple((str(pair[0]), str(pair[1])) for pair in cast("list[list[str]]", stored["columns"]))
        return Snapshot(**{**stored, "columns": columns})


@dataclass(frozen=True, slots=True)
class TrackedColumns:
    """The columns whose changes count as changes of a record; `every`: all columns of the model."""

    columns: tuple[Column, ...]
    every: bool

    @staticmethod
    def of(relation: Relation, slugs: Sequence[str] | None) -> TrackedColumns:
        """The columns with these slugs, None for all; what the model no longer has is left out."""
        if slugs is None:
            return TrackedColumns(relation.columns, True)
        columns = (relation.column(slug) for slug in dict.fromkeys(slugs))
        return TrackedColumns(tuple(column for column in columns if column is not None), False)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """(slug, type) of each, as a snapshot stores them."""
        return tuple((column.slug, column.type) for column in self.columns)


STORED_SNAPSHOTS = (
    StoredSnapshots(
        "select (snapshot ->> 'seen')::xid8 from segments where snapshot is not null union all select x from segments"
        " cross join lateral pg_temp.xids_of((snapshot ->> 'moment')::pg_snapshot) as x where snapshot ->> 'moment' is not null",
        """update segments set snapshot = (snapshot::jsonb || jsonb_build_object(
            'seen', pg_temp.renumbered((snapshot ->> 'seen')::xid8)::text,
            'moment', pg_temp.renumbered((snapshot ->> 'moment')::pg_snapshot)
        ))::json where snapshot is not null""",
    ),
    StoredSnapshots(
        "select x from segment_changes cross join lateral pg_temp.xids_of(since::pg_snapshot) as x where since is not null",
        "update segment_changes set since = pg_temp.renumbered(since::pg_snapshot) where since is not null",
    ),
    StoredSnapshots(
        "select x from segments cross join lateral pg_temp.xids_of(baseline::pg_snapshot) as x where baseline is not null",
        "update segments set baseline = pg_temp.renumbered(baseline::pg_snapshot) where baseline is not null",
    ),
)
"""Where segments store what they have seen of the database's transactions."""


def membership_digest(filter: Filter, sort: Sequence[Any], limit: int | None) -> str:
    """A digest of what decides which records are in a segment."""
    parts = [filter.to_wire(), [order.to_wire() for order in sort], limit]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def is_local(filter: Filter, selection: Selection, tracked: TrackedColumns) -> bool:
    """Whether a record's own stored columns alone decide about its membership and hash: then comparing the touched records suffices."""
    if selection.limit is not None or selection.scope.relative or any(column.is_computed_by_view for column in tracked.columns):
        return False
    return all(_is_on_stored_column(part, selection.relation) for group in filter.groups for part in all_conditions(group))


def all_conditions(group: Group) -> list[Condition]:
    """The conditions of a group and of all groups inside it."""
    return [*group.conditions, *(condition for inner in group.groups for condition in all_conditions(inner))]


def _is_on_stored_column(condition: Condition, relation: Relation) -> bool:
    if condition.kind not in _PLAIN or getattr(condition, "related_model_uuid", None) not in {None, str(relation.model)}:
        return False
    column = relation.column(str(getattr(condition, "column_slug", "")))
    return column is not None and not column.is_computed_by_view


def precheck_statement(relation: Relation, before: Snapshot | None) -> tuple[str, dict[str, Any]]:
    """The statement and values before a comparison: (transaction before which all are visible, whether the log has entries without a
    record id, the database's snapshot).

    It runs before the comparison, so that what commits in between is compared again the next time, and then differs no more.
    """
    if before is None or before.log != relation.log:
        return "select pg_snapshot_xmin(pg_current_snapshot())::text, true, pg_current_snapshot()::text", {}
    log = log_table_name(relation)
    unnamed = f"select 1 from {log} where xid >= %(seen)s::text::xid8 and _id is null and ids is null"  # noqa: S608 - our own name, quoted
    snapshot = "pg_current_snapshot()"
    return f"select pg_snapshot_xmin({snapshot})::text, exists ({unnamed}), {snapshot}::text", {"seen": before.seen}


def touched_statement(relation: Relation, before: Snapshot, up_to: int) -> tuple[str, dict[str, Any]]:
    """The statement, and its values, that counts the records that the log has since the snapshot, in `up_to` of its entries at most."""
    log = log_table_name(relation)
    entries = f"select coalesce(cardinality(ids), 1) as n from {log} where xid >= %(seen)s::text::xid8 limit %(up_to)s"  # noqa: S608 - ours
    return f"select coalesce(sum(n), 0) from ({entries}) as e", {"seen": before.seen, "up_to": up_to}  # noqa: S608 - ours


COUNT_EACH = 20_000
_NAME = "cargo-ai comparison "
# The name is the one thing of a session that others see while its statement runs.
_COUNTING = (
    "case when row_number() over () %% %(count_each)s::bigint = 0 "
    f"then set_config('application_name', '{_NAME}' || ($before + row_number() over ()) / 2, true) end"
)
# To read them is one half of the work, to store them the other.
_READ, _STORED = _COUNTING.replace("$before", "0"), _COUNTING.replace("$before", "(select count(*) from present)")
DONE_SO_FAR = f"""
select substr(application_name, {len(_NAME) + 1})::bigint from pg_stat_activity
where pid = %s and application_name ~ '^{_NAME}[0-9]+$'
"""  # noqa: S608 - constants of this module
"""How many records the comparison of a session has read and stored; no row where it does not say so yet. Takes the session's process id."""


def compare_statement(
    selection: Selection, tracked: TrackedColumns, before: Snapshot | None, *, touched: bool, noted: bool, counted: bool = False
) -> tuple[str, dict[str, Any]]:
    """The comparison, and its values besides those of the filter, `%(segment)s` and `%(no)s`; one row: how many records were added,
    updated and removed.

    One statement, so that everything is read at one point in time. `touched`: compare only the records that the log names; `noted`:
    store the records of the change; `counted`: the session's name says meanwhile how many were (see `DONE_SO_FAR`).
    """
    params = dict[str, Any]()
    new_hash, old_hash = _hash(selection.relation, tracked.columns), _comparable(selection.relation, tracked, before)
    hashes = [exp.Var(this=new_hash)] if old_hash in (None, new_hash) else [exp.Var(this=new_hash), exp.Var(this=old_hash)]
    old = "h1" if len(hashes) > 1 else "h0"
    differs = "false" if old_hash is None and before is not None else f"o.h <> n.{old}"
    members, ctes = "select record_id, h from public.segment_members where segment_uuid = %(segment)s", list[str]()
    among: exp.Expr | None = None
    if touched and before is not None:
        params["seen"] = before.seen
        log = log_table_name(selection.relation)
        since = f"from {log} where xid >= %(seen)s::text::xid8 and"
        ids = f"select _id as record_id {since} _id is not null union select unnest(ids) {since} ids is not null"
        ctes.append(f"touched as materialized ({ids})")
        members += " and record_id in (select record_id from touched)"
        among = exp.Select(expressions=[exp.column("record_id")]).from_("touched")
    present = terms.to_sql(selection.members(*hashes, among=among))
    changed = "select record_id, h from delta where kind <> 'r'"
    if counted:
        changed = f"select record_id, h, {_STORED} from delta where kind <> 'r'"  # noqa: S608 - constants of this module
        params["count_each"] = COUNT_EACH
        present = f"select m.*, {_READ} from ({present}) as m"  # noqa: S608 - compiled
    ctes += [
        f"present as materialized ({present})",
        "delta as materialized (select coalesce(n.record_id, o.record_id) as record_id, n.h0 as h, "  # noqa: S608 - compiled
        "case when o.record_id is null then 'a' "
        f"when n.record_id is null then 'r' when {differs} then 'u' else 's' end as kind from present as n full join ({members}) as o "
        f"on o.record_id = n.record_id where o.record_id is null or n.record_id is null or {differs} or o.h <> n.h0)",
        "gone as (delete from public.segment_members as m using delta as d where m.segment_uuid = %(segment)s "
        "and m.record_id = d.record_id and d.kind = 'r')",
        "here as (insert into public.segment_members (segment_uuid, record_id, h) "  # noqa: S608 - compiled
        f"select %(segment)s::uuid, record_id, h from ({changed}) as d "
        "on conflict (segment_uuid, record_id) do update set h = excluded.h)",
    ]
    if noted:
        ctes.append(
            "noted as (insert into public.segment_change_records (segment_uuid, no, record_id, kind) "
            "select %(segment)s::uuid, %(no)s::bigint, record_id, kind::\"char\" from delta where kind <> 's')"
        )
    counts = ", ".join(f"count(*) filter (where kind = '{kind}')" for kind in "aur")
    return f"with {', '.join(ctes)} select {counts} from delta", params  # noqa: S608 - compiled, names of ours


def _hash(relation: Relation, columns: Sequence[Column]) -> str:
    """The hash of columns of the view `r`. The table's own `_hash` is used where all stored columns are covered."""
    stored = {column.slug for column in relation.stored_columns}
    if stored and stored <= {column.slug for column in columns}:
        others = [column for column in columns if column.slug not in stored]
        return f"(r._hash # {hash_expression(others, 'r')})" if others else "r._hash"
    return hash_expression(columns, "r")


def _comparable(relation: Relation, tracked: TrackedColumns, before: Snapshot | None) -> str | None:
    """The hash to compare with the stored one, over the columns that the snapshot covers; None when none is comparable.

    A writable column that was added since counts as covered: it was empty then. A computed one does not: it changes no record.
    """
    if before is None or before.version != VERSION or not set(before.columns) <= set(tracked.names):
        return None
    all_columns = before.every and tracked.every
    covered = [column for column in tracked.columns if (column.slug, column.type) in before.columns or (all_columns and column.writable)]
    return _hash(relation, covered)
