"""Parked runs: what the waiting runs of a workspace wait for; where there are very many, by a sample."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.ext.asyncio import AsyncSession

FEW = 2_000
"""This many parked runs of a workspace are all looked at."""
EACH = 200
"""Of more, this many are looked at of each workflow: its oldest and newest ones, and those that came first after each unfinished batch."""

_COLUMNS = "r.uuid, r.workflow_uuid, r.batch_uuid, r.graph_uuid, r.position, r.waiting_for, r.pending, r.updated_ms, r.wake_ms"
# By the index of parked runs: where one status is asked for, the planner goes through all runs by their ids, for the order's sake.
_IN_ORDER = "r.rare_status <= 'idle' and r.finished_ms is null"
_PARKED = f"from runs r where r.workspace_uuid = :workspace and r.rare_status >= 'idle' and {_IN_ORDER} order by r.rare_status, r.uuid"
_COUNT = text(f"select count(*) from (select 1 {_PARKED} limit :few + 1) c")  # noqa: S608 - constants of this module
_ALL = f"select {_COLUMNS} {_PARKED}"
# A batch's runs are younger than it.
_SOME = f"""
select p.* from (
    select uuid as workflow, '00000000-0000-0000-0000-000000000000'::uuid as after from workflows where workspace_uuid = :workspace
    union all
    select workflow_uuid, uuid from batches where workspace_uuid = :workspace and finished_ms is null
) s cross join lateral (
    select {_COLUMNS} from runs r where r.workflow_uuid = s.workflow and (r.rare_status, r.uuid) > ('idle', s.after) and {_IN_ORDER}
    order by r.rare_status, r.uuid limit :each
) p
union all
select p.* from workflows w cross join lateral (
    select {_COLUMNS} from runs r where r.workflow_uuid = w.uuid and r.rare_status >= 'idle' and {_IN_ORDER}
    order by r.rare_status desc, r.uuid desc limit :each
) p where w.workspace_uuid = :workspace
"""  # noqa: S608 - constants of this module
# What a parked run waits for is in its row, and, for what its node does, in the graph. Those of a batch that is being cancelled wait for
# nothing any more: that is said of the batch.
_GROUPS = """
with looked as materialized (select distinct on (uuid) * from ($picked) as picked), cut as materialized (
    select workflow_uuid from looked group by 1 having count(*) >= :most
), nodes as materialized (
    select g.uuid, v.value ->> 'uuid' as node, min(v.value ->> 'actionSlug') as action, min(v.value ->> 'slug') as slug,
        min(v.value ->> 'kind') as kind
    from graphs g cross join lateral json_array_elements(g.nodes) v where g.uuid in (select graph_uuid from looked) group by 1, 2
)
select case when p.waiting_for is not null then 'children' when n.action = 'humanReview' then 'review' when n.action = 'delay' then 'time'
        when p.pending #>> '{waits,for}' like 'connector:%' then p.pending #>> '{waits,reason}'
        when coalesce((p.pending ->> 'throttled')::int, 0) > 0 or p.pending ->> 'says' like 'rate limit%' then 'rateLimit'
        when n.kind = 'connector' and (p.pending ->> 'resumed')::boolean and p.pending ->> 'meta' is null then 'rateLimit'
        when coalesce((p.pending ->> 'attempt')::int, 1) > 1 then 'retry' else 'service' end as reason,
    count(*) as runs, min(p.updated_ms) as since, min(p.wake_ms) as due, p.workflow_uuid, p.batch_uuid,
    case when count(*) = 1 then min(p.uuid::text)::uuid end as run_uuid, n.slug as node, p.pending #>> '{waits,for}' as waits_for,
    max(p.pending ->> 'says') as says, p.workflow_uuid not in (select workflow_uuid from cut) as is_exact
from looked p left join nodes n on n.uuid = p.graph_uuid and n.node = p.position
where p.batch_uuid is null or p.batch_uuid not in (
    select uuid from batches where workspace_uuid = :workspace and finished_ms is null and status = 'cancelling'
)
group by 1, p.workflow_uuid, p.batch_uuid, n.slug, p.pending #>> '{waits,for}' order by since limit :limit
"""
_EVERY_GROUP = text(_GROUPS.replace("$picked", _ALL))
_SOME_GROUPS = text(_GROUPS.replace("$picked", _SOME))
# While very many park, the planner takes them for few, reads all of a workflow and sorts them. The settings hold for the transaction.
_BY_INDEX, _AS_EVER = text("set local enable_sort = off"), text("set local enable_sort to default")
# What the shards of a batch have ended is counted as they do.
_LEFT = text("""
select b.uuid, b.cursor - b.skipped_count
    - (select coalesce(sum(s.executed + s.cancelled), 0) from shards s where s.batch_uuid = b.uuid) as runs
from batches b where b.uuid = any(:batches) and b.workspace_uuid = :workspace
""").bindparams(bindparam("batches", type_=ARRAY(UUID)))


async def find_groups(db: AsyncSession, workspace: uuid.UUID, limit: int, driven: Mapping[uuid.UUID, int]) -> list[dict[str, Any]]:
    """Groups of parked runs that wait for the same, those that wait the longest first. `driven`: how many runs of a batch have not ended
    and are not parked.

    Where not all runs were looked at, `is_exact` is false: a group of a batch then has about as many `runs`, another one at least as many.
    """
    values = {"workspace": workspace, "few": FEW, "each": EACH, "limit": limit, "most": FEW + 1}
    if int(await db.scalar(_COUNT, values) or 0) <= FEW:
        return [dict(row) for row in (await db.execute(_EVERY_GROUP, values)).mappings()]
    await db.execute(_BY_INDEX)
    groups: list[dict[str, Any]] = [dict(row) for row in (await db.execute(_SOME_GROUPS, values | {"most": EACH})).mappings()]
    await db.execute(_AS_EVER)
    looked_at = Counter[uuid.UUID]()
    for group in groups:
        if not group["is_exact"] and group["batch_uuid"] is not None:
            looked_at[group["batch_uuid"]] += group["runs"]
    left = await db.execute(_LEFT, {"workspace": workspace, "batches": list(looked_at)})
    parked = {uid: int(runs) - driven.get(uid, 0) for uid, runs in left}
    for group in groups:
        seen = looked_at.get(group["batch_uuid"])
        if seen:
            group["runs"] = max(group["runs"], parked.get(group["batch_uuid"], 0) * group["runs"] // seen)
    return groups
