"""Logs of runs: what the code of their nodes printed, line by line, as the journal has it."""

from __future__ import annotations

from sqlalchemy import select, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.runs import run_log as contract
from cargo_ai.domains.orchestration.retention.archived_runs import find_command
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import ids

_LINES = """
select e.seq, e.node_slug, l.line from executions e cross join lateral string_to_table(e.log, E'\\n') with ordinality as l (line, no)
where e.workspace_uuid = :workspace and e.run_uuid = :run and e.log is not null {conditions}
order by e.seq, l.no limit :limit offset :offset
"""
_COUNT = """
select coalesce(sum(length(e.log) - length(replace(e.log, E'\\n', '')) + 1), 0) from executions e
where e.workspace_uuid = :workspace and e.run_uuid = :run and e.log is not null {conditions}
"""
_DROPPED = text("select exists (select from executions e where e.workspace_uuid = :workspace and e.run_uuid = :run and e.is_dropped)")


@handles(contract.get_log)
async def get_log(ctx: Context, request: contract.GetLog) -> contract.LogReply:
    """Some lines and how many there are. O(what the nodes in question have printed)."""
    uid = ids.parse(request.uuid)
    run = await ctx.db.scalar(select(runs.c.uuid).where(runs.c.workspace_uuid == ctx.workspace, runs.c.uuid == uid)) if uid else None
    fix = await find_command(ctx, uid) if run is None else None
    run = found_or_refuse(contract.get_log, run, "runNotFound", fix=fix, uuid=request.uuid)
    values: dict[str, object] = {"workspace": ctx.workspace, "run": run}
    if await ctx.db.scalar(_DROPPED, values):
        ctx.warn("The logs of this run have been removed by age: see orchestration retention get.")
    conditions = ""
    if request.node_slug is not None:
        conditions, values["slug"] = "and e.node_slug = :slug", request.node_slug
    if request.execution_index is not None:
        conditions, values["seq"] = f"{conditions} and e.seq = :seq", request.execution_index
    count = await ctx.db.scalar(text(_COUNT.format(conditions=conditions)), values)
    window = {**values, "limit": request.limit, "offset": request.offset}
    rows = await ctx.db.execute(text(_LINES.format(conditions=conditions)), window)
    lines = [contract.LogLine(execution_index=row.seq, node_slug=row.node_slug, text=row.line) for row in rows]
    return contract.LogReply(lines=lines, count=int(count or 0))
