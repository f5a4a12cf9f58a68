"""Forget: erase the former values of records from everything that could show them or bring them back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import bucket_of, log_table_name
from cargo_ai.records.names import statement
from cargo_ai.store.driver import Connection, execute, fetch

# An entry of each record for the packed ones of some of these.
_UNPACK = """
with packed as (
    delete from $log as l where l.bucket is not null and l.bucket in (select $bucket from unnest(%(ids)s::text[]) as i (id))
        and exists (select from unnest(l.ids) as o (id) where o.id = any(%(ids)s)) returning l.*
)
insert into $log (xid, _id, op, at, before)
select p.xid, e._id, p.op, p.at, e.before
from packed as p cross join lateral public.cargo_unpack(p.ids, p.slugs, p.types, p.former, null) as e
"""
# The entries stay, for segments read which records were touched. A change without values stays apart from one that changed nothing, which
# has none at all. What a merge removed can only be brought back as a whole, so that all of it goes.
_ERASE = """
with logged as (
    update $log as l set before = case l.op when 'u' then '{}'::jsonb end
    where l._id = any(%(ids)s) and l.op in ('u', 'd') and l.before is not null and l.before <> '{}' returning l._id
),
merges as (
    select distinct m.merge_uuid from merged_records as m join record_merges as r on r.uuid = m.merge_uuid
    where r.workspace_uuid = %(workspace)s and r.model_uuid = %(model)s and m.record_id = any(%(ids)s)
    union
    select m.merge_uuid from merged_references as m join record_merges as r on r.uuid = m.merge_uuid
    where r.workspace_uuid = %(workspace)s and m.model_uuid = %(model)s and m.record_id = any(%(ids)s)
),
merged as (delete from merged_records as m using merges as g where m.merge_uuid = g.merge_uuid returning m.record_id),
relinked as (delete from merged_references as m using merges as g where m.merge_uuid = g.merge_uuid returning m.record_id)
select _id from logged union (
    select u.record_id from (select record_id from merged union select record_id from relinked) as u where u.record_id = any(%(ids)s)
)
"""
# By which a record was recognized that is not there any more.
_ERASE_REFERENCES = "delete from unified_references where workspace_uuid = %s and model_uuid = %s and record_id = any(%s)"
_MARK = "insert into $log (_id, op, change_set) select id, 'f', %s from unnest(%s::text[]) as u (id)"


async def erase(connection: Connection, relation: Relation, workspace: uuid.UUID, uids: Sequence[str], present: set[str]) -> list[str]:
    """Erase the former values of these records; returns those of which there were any. `present`: which of them the model has; the caller
    keeps them from being written until its commit."""
    values = {"ids": list(uids), "workspace": workspace, "model": relation.model}
    await execute(connection, statement(_UNPACK, log=log_table_name(relation), bucket=bucket_of("i.id")), values)
    erased = {record for (record,) in await fetch(connection, statement(_ERASE, log=log_table_name(relation)), values)}
    removed = [uid for uid in uids if uid not in present]
    await execute(connection, _ERASE_REFERENCES, [workspace, relation.model, removed])
    return sorted(erased)


async def mark(connection: Connection, relation: Relation, uids: Sequence[str], change_set: uuid.UUID) -> None:
    """Note in the log that these records were forgotten: histories show it, and undos stop at it."""
    await execute(connection, statement(_MARK, log=log_table_name(relation)), [change_set, list(uids)])
