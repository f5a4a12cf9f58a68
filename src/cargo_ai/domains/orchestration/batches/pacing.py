"""Pacing: convert the stages and limits of a request to the engine's pace, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.contract.orchestration import pacing as contract
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.runs.run_response import Row
from cargo_ai.engine.dispatch.pace import Pace, parse_pace
from cargo_ai.engine.graph.action import Actions


def of_request(request: contract.Paced, nodes: Sequence[Mapping[str, Any]], actions: Actions) -> Pace | None:
    """The pace of a new batch through these nodes; None when the request sets none."""
    pace = Pace(
        tuple(request.ramp or ()),
        None if request.stop_on_error_rate is None else contract.share(request.stop_on_error_rate),
        None if request.max_credits is None else float(request.max_credits),
        None if request.max_credits is None else node_costs.most_per_run([dict(node) for node in nodes], actions),
    )
    return pace if pace.staged else None


def to_response(row: Row) -> contract.BatchPace | None:
    """The pace of a batch's row on the wire."""
    if row["pace"] is None:
        return None
    pace = parse_pace(row["pace"])
    return contract.BatchPace(
        ramp=list(pace.ramp),
        stop_on_error_rate=pace.stop_above,
        max_credits=pace.max_credits,
        stage=row["stage"],
        stopped_by=row["stopped"],
    )
