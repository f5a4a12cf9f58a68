"""Pacing: convert the stages and limits of a request to the engine's pace, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.batches import pacing as contract
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.runs.run_response import Row, number
from cargo_ai.engine.dispatch.pace import Pace, parse_pace


async def of_request(ctx: Context, request: contract.Paced, nodes: Sequence[Mapping[str, Any]]) -> Pace | None:
    """The pace of a new batch through these nodes; None when the request sets none."""
    most = None
    if request.max_credits is not None:
        most = (await node_costs.load(ctx.services, ctx.db, ctx.workspace)).most_per_run(nodes)
    pace = Pace(
        tuple(request.ramp or ()),
        None if request.stop_on_error_rate is None else contract.share(request.stop_on_error_rate),
        None if request.max_credits is None else float(request.max_credits),
        most,
    )
    return pace if pace.staged else None


def to_response(row: Row) -> contract.BatchPace | None:
    """The pace of a batch's row on the wire."""
    if row["pace"] is None:
        return None
    pace = parse_pace(row["pace"])
    if not pace.staged and row["stopped"] is None:
        # No one asked for stages: it is enrolled as the workspace can pay for it.
        return None
    return contract.BatchPace(
        ramp=list(pace.ramp),
        stop_on_error_rate=pace.stop_above,
        max_credits=None if pace.max_credits is None else number(pace.max_credits),
        stage=row["stage"],
        stopped_by=row["stopped"],
    )
