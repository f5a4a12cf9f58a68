"""Dry runs of batches: forecast records, executions, credits and time without any effect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.batches import batch as contract
from cargo_ai.contract.orchestration.dry_run import DryRunForecast, NodeForecast
from cargo_ai.domains.orchestration.batches import batch_data, batch_records
from cargo_ai.domains.orchestration.batches.batch_records import Sample
from cargo_ai.domains.orchestration.dry_run import duration, node_costs
from cargo_ai.domains.orchestration.dry_run.ranges import NodeKey, Range
from cargo_ai.domains.orchestration.dry_run.recall import RecordMemory
from cargo_ai.domains.orchestration.dry_run.walk import DryRun, without_recall
from cargo_ai.domains.orchestration.plays import play_policy
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.domains.orchestration.runs.run_response import number
from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.graph.graph import Graph, InvalidGraph, compile_graph
from cargo_ai.engine.graph.interpret import begin, resume
from cargo_ai.engine.journal.replay import ReplayRecord
from cargo_ai.kernel import clock, ids

SAMPLE = 100
SECONDS = 45.0
ALWAYS = (
    "Calls are taken to go well, and so is what nodes make of answers that are not known yet.",
    "Seconds are what rate limits and delays take at least; the time that the calls themselves take comes on top.",
)


async def forecast(ctx: Context, request: contract.CreateBatch, target: Target) -> DryRunForecast:
    """What the batch of this request would do. Reads only; every refusal of a real one is one here, too."""
    spec, data = target.spec, await batch_data.to_stored(ctx, ids.new(), target, request.data)
    most = request.sample or SAMPLE
    try:
        sample = await batch_records.sample(ctx, spec, data, request.data, most)
    except SourceFailed as error:
        contract.create.refuse("dataError", cause=str(error), details={"dataError": {"reason": "invalidData"}})
    prices = await node_costs.load(ctx.services, ctx.db, ctx.workspace)
    bounds = ctx.services.hooks.token_bounds if prices.token_prices else None
    dry_run = DryRun(
        ctx.workspace,
        prices.actions,
        clock.now_ms(),
        prices=prices,
        token_bounds={} if bounds is None else await bounds(ctx.db, spec.nodes),
    )
    try:
        program = compile_graph(spec.nodes, dry_run.actions)
    except InvalidGraph as error:
        contract.create.refuse("invalidReleaseOrCustomNodes", cause=str(error))
    walked_count, total = await _walk_records(ctx, spec, program, dry_run, sample.records)
    rule = play_policy.admission_rule(target.workflow, request.data.kind)
    if rule not in (None, "always"):
        dry_run.notes.add(f"The play's rule ({rule}) keeps records out that are counted here.")
    return await _to_response(ctx, spec, dry_run, total, sample, walked_count)


async def _walk_records(
    ctx: Context, spec: RunSpec, program: Graph, dry_run: DryRun, records: Sequence[dict[str, Any]]
) -> tuple[int, Range]:
    """How many of the records were walked in the time that there is, and what they do together."""
    total, walked_count, until = Range(), 0, clock.seconds() + SECONDS
    for record in records:
        if clock.seconds() > until:
            dry_run.notes.add(f"Walking took longer than {SECONDS:.0f} seconds, so fewer records were walked.")
            break
        walked_count += 1
        if isinstance(record, ReplayRecord) and record.skip is not None:
            dry_run.notes.add("Runs that cannot be replayed from the node are skipped.")
            continue
        walk_range = await _walk_record(ctx, spec, program, dry_run, record)
        total.add(walk_range)
        total.failed, total.failed_most = total.failed + walk_range.failed, total.failed_most + walk_range.failed_most
        total.seconds, total.seconds_most = max(total.seconds, walk_range.seconds), max(total.seconds_most, walk_range.seconds_most)
        await asyncio.sleep(0)
    return walked_count, total


async def _walk_record(ctx: Context, spec: RunSpec, program: Graph, dry_run: DryRun, record: dict[str, Any]) -> Range:
    walk = begin(str(ids.new()), program, dict(record))
    if isinstance(record, ReplayRecord):
        walk.split_seed = str(record.seed.root)
    record_id = record.record_id if isinstance(record, ReplayRecord) else record.get("_id")
    if isinstance(record, ReplayRecord) and record.seed.taken:
        entries, outputs = await run_response.journal(ctx.db, ctx.files, ctx.workspace, record.seed.run)
        taken = [dict(entry) for entry in entries[: record.seed.taken]]
        taken[-1]["next_node_uuid"] = record.seed.node
        resume(walk, [entry | {"output": to_json(output).decode()} for entry, output in zip(taken, outputs, strict=False)], None)
        if record.seed.path:
            dry_run.notes.add(
                "Executions in a group before the node from which its items are replayed are counted, though they are not repeated."
            )
    if record_id in (None, ""):
        return await dry_run.record(walk, without_recall)
    memory = RecordMemory(ctx.database, ctx.workspace, spec.workflow, str(record_id))
    return await dry_run.record(walk, memory.recall)


async def _to_response(ctx: Context, spec: RunSpec, dry_run: DryRun, total: Range, sample: Sample, walked_count: int) -> DryRunForecast:
    count = sample.count
    factor = count / walked_count if walked_count else 0.0
    least = {place: round(many * factor) for place, many in total.least.items()}
    most = {place: round(many * factor) for place, many in total.most.items()}
    limits = await duration.forecast(ctx.db, least, most, dry_run.seen)
    notes = [*ALWAYS, *sorted(dry_run.notes)]
    if walked_count < count:
        over = "all of them" if sample.read == count else f"the first {sample.read:,}"
        sentence = f"{walked_count:,} of {count:,} records were walked, spread over {over} by a hash of their ids"
        notes.insert(0, f"{sentence}; the others are taken to be like them.")
    if dry_run.unknown:
        notes.append(f"{dry_run.unknown:,} answers of effects are not known from earlier runs: each way on from them is possible.")
    return DryRunForecast(
        records_count=count,
        walked_count=walked_count,
        sampled_from_count=sample.read,
        is_sample=walked_count < count,
        nodes=[_forecast_node(place, dry_run, least, most, _expected(total, place, factor)) for place in _sort(spec, set(most))],
        failed_min=round(total.failed * factor),
        failed_max=round(total.failed_most * factor),
        credits_min=number(total.credits * factor),
        credits_max=None if total.credits_most is None else number(total.credits_most * factor),
        seconds_min=round(max([total.seconds, *(float(limit.seconds_min) for limit in limits)]), 3),
        seconds_max=round(max([total.seconds_most, *(float(limit.seconds_max) for limit in limits)]), 3),
        limits=limits,
        remembered_count=dry_run.remembered,
        unknown_count=dry_run.unknown,
        assumptions=notes,
    )


def _expected(total: Range, place: NodeKey, factor: float) -> float | None:
    return None if place in total.unsure else round(total.likely.get(place, 0.0) * factor, 2)


def _forecast_node(
    place: NodeKey, dry_run: DryRun, least: dict[NodeKey, int], most: dict[NodeKey, int], likely: float | None
) -> NodeForecast:
    costs, fee = dry_run.costs_of(dry_run.seen[place]), dry_run.fee
    return NodeForecast(
        path=place.path,
        node_uuid=place.node,
        node_slug=place.slug,
        executions_min=least.get(place, 0),
        executions_max=most[place],
        executions_expected=None if likely is None else number(likely),
        credits_min=number((costs.least + fee) * least.get(place, 0)),
        credits_max=None if costs.most is None else number((costs.most + fee) * most[place]),
    )


def _sort(spec: RunSpec, places: set[NodeKey]) -> list[NodeKey]:
    """In the order of the graph; what is inside of a node follows it."""
    order = {str(node["uuid"]): at for at, node in enumerate(validation.all_nodes([dict(node) for node in spec.nodes]))}
    heads = {str(node["slug"]): at for at, node in enumerate(spec.nodes)}
    return sorted(places, key=lambda place: (heads.get(place.path.partition(".")[0], 0), order.get(place.node, len(order)), place.path))
