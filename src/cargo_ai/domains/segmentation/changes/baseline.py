"""Baseline: read the records of a segment as they were at a moment that has passed, from what is there now and what was logged since."""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.records.ddl import log_table_name, table_name
from cargo_ai.records.hashing import hash_expression
from cargo_ai.records.names import literal, qualify, quote, statement
from cargo_ai.records.views import Source, Views
from cargo_ai.store import driver
from cargo_ai.store.driver import Connection

MOMENT = "select pg_current_snapshot()::text"

# What the moment did not see, though it may have been under way then.
_SINCE = "l.xid >= pg_snapshot_xmin($moment::pg_snapshot) and not pg_visible_in_snapshot(l.xid, $moment::pg_snapshot)"
_EXISTS = "select exists (select from $log as l where $since)"
# A record that was written since is put together of what it is now and its earliest former values; one that came since was not there.
# Columns that other records decide about, and conditions on other models, are as they are now.
_REWOUND = """
with written as materialized (
    select l._id, l.op, l.at, l.before from $log as l where $since and l._id is not null and l.op in ('i', 'u', 'd')
    union all
    select e._id, l.op, l.at, e.before from $log as l cross join lateral public.cargo_unpack(l.ids, l.slugs, l.types, l.former, null) as e
    where $since and l.ids is not null
), firsts as materialized (
    select _id, (array_agg(op order by at))[1] <> 'i' as was_there from written group by _id
), former as (
    select w._id, jsonb_object_agg(e.key, e.value order by w.at desc) as before
    from written as w cross join lateral jsonb_each(w.before) as e where w.before is not null group by w._id
), loaded as materialized (
    select s.records_at from $log as l join public.change_set_writes as x on x.xid = l.xid
    join public.change_sets as s on s.uuid = x.change_set_uuid and s.model_uuid = $model
    where $since and l._id is null and l.ids is null and l.op = 'i'
), rewound as materialized (
    select f._id as _known, p.* from firsts as f left join $table as t on t._id = f._id left join former as b on b._id = f._id
    cross join lateral jsonb_populate_record(t, coalesce(b.before, '{}')) as p where f.was_there and p._id is not null
)
select $present from $view as v where not exists (select from firsts as f where f._id = v._id)
    and not exists (select from loaded as o where o.records_at = v._created_at)
union all
select $former from rewound as w left join $view as v on v._id = w._known
"""


async def was_written(connection: Connection, relation: Relation, moment: str) -> bool:
    """Whether records of the model were written since a moment, a snapshot of the database."""
    return bool(await driver.value(connection, _build(_EXISTS, relation, moment)))


def rewind(selection: Selection, moment: str) -> Selection:
    """The selection as it was at a moment."""
    relation = selection.relation
    slugs = [*SYSTEM_COLUMNS, *(column.slug for column in relation.columns)]
    views, past = Views(selection.catalog, lambda _filter, _relation, _alias: "true"), Source(relation, "w")
    own = {*SYSTEM_COLUMNS, *(column.slug for column in relation.stored_columns)}
    former = ", ".join(f"{views.read(past, slug) if slug in own else f'v.{quote(slug)}'} as {quote(slug)}" for slug in slugs)
    source = _build(
        _REWOUND,
        relation,
        moment,
        table=table_name(relation),
        view=qualify(relation.schema, relation.view),
        model=literal(str(relation.model)),
        present=", ".join(f"v.{quote(slug)}" for slug in [*slugs, "_hash"]),
        former=f"{former}, {hash_expression(relation.stored_columns, 'w')} as _hash",
    )
    return replace(selection, source=source)


def _build(template: str, relation: Relation, moment: str, **parts: str) -> str:
    since = statement(_SINCE, moment=literal(moment))
    return statement(template, log=log_table_name(relation), since=since, **parts)
