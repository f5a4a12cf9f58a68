"""Run errors: group the failures of a workflow by node and by message, apart from numbers, ids and addresses."""

from __future__ import annotations

from sqlalchemy import RowMapping, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.insight import run_errors as contract
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.run_filter import milliseconds
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.kernel import ids

# In this order: the numbers inside an id or an address are none. Only common endings make a host, since `nodes.start.name` is a path.
_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_EMAIL = "[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]"
_ENDINGS = "com|org|net|io|ai|co|app|dev|biz|example|test|local|eu|uk|us|ca|au|nz|jp|cn|br|mx|de|fr|es|nl|be|ch|dk|fi|pl|pt|ie|se"
_HOST = rf"\m([A-Za-z0-9-]+[.])+({_ENDINGS})\M"
_NUMBER = "[0-9]+(?:[.,][0-9]+)*"


def _shape() -> str:
    expression = "f.message"
    for varying in (_UUID, _EMAIL, _HOST, _NUMBER):
        expression = f"regexp_replace({expression}, '{varying}', '#', 'g')"
    return expression


_FAILURES = """
with failures as materialized (
    select e.run_uuid, r.record_id, r.status, e.node_uuid, e.node_slug, coalesce(e.error_message, '') as message, e.reason,
        e.finished_ms as at
    from execution_rows e join runs r on r.uuid = e.run_uuid
    where e.workspace_uuid = :workspace and e.status <> 'success' and e.status = 'error' {executed} and {chosen}
    union all
    select r.uuid, r.record_id, r.status, null, null, coalesce(r.error_message, ''), null, coalesce(r.finished_ms, r.created_ms)
    from runs r where r.rare_status = 'error' and {chosen}
        and not exists (select from execution_rows e where e.run_uuid = r.uuid and e.status = 'error')
), grouped as (
    select f.node_uuid, f.node_slug, {shape} as shape, f.reason, count(distinct f.run_uuid) as runs,
        count(distinct f.run_uuid) filter (where f.status = 'success') as absorbed, min(f.at) as first_at, max(f.at) as last_at,
        max(f.run_uuid::text)::uuid as latest
    from failures f group by f.node_uuid, f.node_slug, shape, f.reason
)
select g.*, o.message, o.record_id, count(*) over () as kinds from grouped g cross join lateral (
    select f.message, f.record_id from failures f
    where f.run_uuid = g.latest and f.node_uuid is not distinct from g.node_uuid and f.reason is not distinct from g.reason
        and {shape} = g.shape limit 1
) o order by g.runs desc, g.last_at desc, g.node_uuid limit :limit
"""


@handles(contract.get_errors)
async def get_errors(ctx: Context, request: contract.GetRunErrors) -> contract.RunErrorsReply:
    """The most frequent errors first. O(what has failed in the workspace at that time): what went well is not looked at."""
    workflow = await lookup.workflow_or_refuse(ctx.db, contract.get_errors, request.workflow_uuid)
    values: dict[str, object] = {"workspace": ctx.workspace, "workflow": workflow, "limit": request.limit}
    chosen, executed = ["r.workspace_uuid = :workspace and r.workflow_uuid = :workflow"], ""
    for column, uuid_text in (("batch_uuid", request.batch_uuid), ("release_uuid", request.release_uuid)):
        if uuid_text is not None:
            chosen.append(f"r.{column} = :{column}")
            values[column] = ids.parse(uuid_text)
    if request.created_after is not None:
        # The oldest id is not bound: a plan for any id at all would be one for a third of the journal.
        low = ids.first_at(request.created_after.timestamp() - 60)
        chosen.append(f"r.created_ms >= :after and r.uuid >= '{low}'::uuid")
        executed = f"and e.run_uuid >= '{low}'::uuid"
        values["after"] = milliseconds(request.created_after)
    if request.created_before is not None:
        chosen.append("r.created_ms < :before")
        values["before"] = milliseconds(request.created_before)
    query = _FAILURES.format(chosen=" and ".join(chosen), executed=executed, shape=_shape())
    rows = (await ctx.db.execute(text(query), values)).mappings().all()
    return contract.RunErrorsReply(run_errors=[_to_response(row) for row in rows], count=int(rows[0]["kinds"]) if rows else 0)


def _to_response(row: RowMapping) -> contract.RunError:
    return contract.RunError(
        node_uuid=row["node_uuid"],
        node_slug=row["node_slug"],
        error_message=row["message"],
        reason=row["reason"],
        runs_count=row["runs"],
        absorbed_count=row["absorbed"],
        run_uuid=row["latest"],
        record_id=row["record_id"],
        first_at=run_response.timestamp(row["first_at"]),
        last_at=run_response.timestamp(row["last_at"]),
    )
