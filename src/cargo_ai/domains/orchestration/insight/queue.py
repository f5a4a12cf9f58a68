"""Queue: show what of a workspace waits, for how long and for what, and alert when no worker takes it."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, select, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.fields import WaitsForReview
from cargo_ai.contract.orchestration.insight import queue as contract
from cargo_ai.domains.orchestration.insight import parked_runs
from cargo_ai.domains.orchestration.reviews import pending_reviews
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch import concurrency
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import Nothing
from cargo_ai.store import disk
from cargo_ai.store.driver import driver_connection

SLOW_SECONDS = 60
"""How long something may wait for a worker before that is worth an alert."""
MAX_ITEMS = 500

_WORKERS = text("select uuid, host, pid, slots, started_ms, beat_ms from workers order by started_ms")
_BATCHES = text("""
select 'batchToRead' as reason, cursor as runs, created_ms as since, null::bigint as due, workflow_uuid, uuid as batch_uuid,
    null::uuid as run_uuid, null as node
from batches where workspace_uuid = :workspace and finished_ms is null and not enumerated and status <> 'running'
union all
select 'cancelling',
    b.cursor - b.skipped_count - (select coalesce(sum(s.executed + s.cancelled), 0) from shards s where s.batch_uuid = b.uuid),
    b.updated_ms, null, b.workflow_uuid, b.uuid, null, null
from batches b where b.workspace_uuid = :workspace and b.finished_ms is null and b.status = 'cancelling'
union all
select 'toCancel', coalesce(c.total, c.cancelled) - c.cancelled, c.created_ms, null, c.workflow_uuid, null, null, null
from cancellations c where c.workspace_uuid = :workspace
""")
# The number of a shard is where its records end in its batch, so that those of one that has not begun need not be counted.
_SHARDS = text("""
with sized as (
    select s.*, s.no - coalesce(lag(s.no) over (partition by s.batch_uuid order by s.no), 0) as size
    from shards s where s.workspace_uuid = :workspace and s.batch_uuid is not null and s.no > 0 and s.batch_uuid in (
        select uuid from batches where workspace_uuid = :workspace and finished_ms is null
    )
), unfinished as (
    select s.uuid, s.batch_uuid, s.state, s.owner, s.touched_ms, s.first_run, s.last_run, b.workflow_uuid,
        z.size - s.executed - s.cancelled as known
    from shards s left join sized z on z.uuid = s.uuid and s.state in ('waiting', 'queued') and not s.children
        left join batches b on b.uuid = s.batch_uuid
    where s.workspace_uuid = :workspace and s.state <> 'done' and b.status is distinct from 'cancelling'
)
select case s.state when 'waiting' then 'turn' when 'queued' then 'worker'
        else case when w.uuid is null then 'lostWorker' else 'beingDriven' end end as reason,
    sum(r.runs) as runs, min(s.touched_ms) as since, null::bigint as due, r.workflow_uuid, s.batch_uuid,
    case when s.batch_uuid is null then min(s.first_run::text)::uuid end as run_uuid, null as node
from unfinished s
left join workers w on w.uuid::text = s.owner and w.beat_ms > :alive
cross join lateral (
    select s.workflow_uuid, s.known as runs where s.known > 0
    union all
    select r.workflow_uuid, count(*) as runs from runs r
    where s.known is null and r.shard_uuid = s.uuid and r.uuid between s.first_run and s.last_run and r.finished_ms is null
        and r.status <> 'idle'
    group by r.workflow_uuid
) r
group by 1, r.workflow_uuid, s.batch_uuid, case when s.batch_uuid is null then s.uuid end
order by since limit :limit
""")
_SENTENCES: dict[str, str] = {
    "batchToRead": "A batch waits until a worker has read its records; this many are enrolled.",
    "turn": "Runs wait for their turn: others of this workspace come first.",
    "concurrencyLimit": "Runs wait because as many of this workspace go as may go at once (CARGO_AI_MAX_CONCURRENT_RUNS).",
    "worker": "Runs wait for a worker that is free.",
    "beingDriven": "A worker is at these runs.",
    "lostWorker": "Runs belong to a worker that is no longer heard of; another one takes them over.",
    "time": "Runs wait at a delay.",
    "children": "Runs wait for what they have started below.",
    "rateLimit": "Runs wait for a slot of a connector's rate limit.",
    "connectorStopped": "Runs wait because their connector is stopped; they go on once it is started.",
    "connectorDisconnected": "Runs wait because their connector is disconnected; they go on once a person has connected it.",
    "retry": "Runs wait for another attempt at a node that has failed.",
    "service": "Runs wait for a service that has not finished.",
    "review": "Runs wait for a person to approve or reject.",
    "cancelling": "Runs end at their next node.",
    "toCancel": "Runs are being cancelled in the background; this many are left.",
}


CONNECTOR_WAITS: dict[str, tuple[str, str]] = {
    "connectorStopped": ("its connector is stopped: it goes on once that is started", "cargo-ai connection connector start {connector}"),
    "connectorDisconnected": (
        "its connector is disconnected: it goes on once a person has connected it",
        "cargo-ai connection connector connect --uuid {connector} --wait-until-finished",
    ),
}
"""Why runs wait for a connector, as a sentence goes on, and the command that ends it."""


def connector_wait(node: str, reason: str, waits_for: str) -> tuple[str, str]:
    """What a run waits for whose node waits for its connector, and the command that ends the wait."""
    why, fix = CONNECTOR_WAITS[reason]
    return f"{node} waits because {why}.", fix.format(connector=_connector(waits_for))


def rate_limit_details(says: str | None) -> str:
    """Which limit a run waits for and until when, as one more sentence, where that is long enough to be known."""
    _, _, details = (says or "").partition(": ")
    return f" {details[:1].upper()}{details[1:]}." if details else ""


def _connector(waits_for: str | None) -> str | None:
    kind, _, name = str(waits_for or "").partition(":")
    return name if kind in ("connector", "limit") else None


@handles(contract.get)
async def get(ctx: Context, _request: Nothing) -> contract.QueueReply:
    """Everything that waits, the oldest first. O(unfinished shards of the workspace, and a few hundred parked runs of each workflow)."""
    now = clock.now_ms()
    alive = now - int(ctx.settings.stalled_after * 1000)
    values: dict[str, Any] = {"workspace": ctx.workspace, "alive": alive, "limit": MAX_ITEMS}
    workers = [_worker(row, alive) for row in (await ctx.db.execute(_WORKERS)).mappings()]
    rows: list[dict[str, Any]] = [dict(row) for row in (await ctx.db.execute(_BATCHES, values)).mappings()]
    driven: list[dict[str, Any]] = [dict(row) for row in (await ctx.db.execute(_SHARDS, values)).mappings()]
    rows += [*driven, *await parked_runs.find_groups(ctx.db, ctx.workspace, MAX_ITEMS, _by_batch(driven))]
    at_limit = await is_full(ctx)
    items = [await _with_reviewers(ctx, _item(row, now, at_limit)) for row in sorted(rows, key=lambda row: row["since"])[:MAX_ITEMS]]
    items += [_storage_item(work, now) for work in await storage.unfinished(ctx.db, ctx.workspace, MAX_ITEMS)]
    items += await _segment_items(ctx, now)
    items = sorted(items, key=lambda item: -item.age_seconds)[:MAX_ITEMS]
    full = await asyncio.to_thread(disk.full_disk, ctx.settings, ctx.database.url)
    alerts = [contract.QueueAlert(code="diskFull", sentence=f"{full} {disk.FIX}", fix=None)] if full is not None else []
    return contract.QueueReply(alerts=alerts + _alerts(items, workers), workers=workers, items=items)


def _by_batch(rows: Sequence[Mapping[str, Any]]) -> Counter[uuid.UUID]:
    """How many runs the rows have, by their batch."""
    counts = Counter[uuid.UUID]()
    for row in rows:
        if row["batch_uuid"] is not None:
            counts[row["batch_uuid"]] += int(row["runs"])
    return counts


def _worker(row: RowMapping, alive: int) -> contract.QueueWorker:
    return contract.QueueWorker(
        uuid=row["uuid"],
        host=row["host"],
        pid=row["pid"],
        slots=row["slots"],
        is_alive=row["beat_ms"] > alive,
        started_at=run_response.timestamp(row["started_ms"]),
        last_seen_at=run_response.timestamp(row["beat_ms"]),
    )


async def is_full(ctx: Context) -> bool:
    """Whether the workspace has reached the limit of runs that its batches may have."""
    most = ctx.settings.max_concurrent_runs
    return most > 0 and await concurrency.count_active_runs(await driver_connection(ctx.db), ctx.workspace) >= concurrency.batch_share(most)


def _item(row: Mapping[str, Any], now: int, full: bool) -> contract.QueueItem:
    reason = "concurrencyLimit" if full and row["reason"] == "turn" else row["reason"]
    connector = _connector(row.get("waits_for"))
    details = rate_limit_details(row.get("says")) if reason == "rateLimit" else ""
    return contract.QueueItem(
        reason="cancelling" if reason == "toCancel" else reason,
        sentence=_SENTENCES[reason] + details,
        runs_count=int(row["runs"]),
        is_count_exact=row.get("is_exact", True),
        age_seconds=max(0, now - int(row["since"])) // 1000,
        due_at=run_response.timestamp_or_none(row["due"]),
        workflow_uuid=row["workflow_uuid"],
        batch_uuid=row["batch_uuid"],
        run_uuid=row["run_uuid"],
        node_slug=row["node"],
        connector_uuid=connector,
        fix=CONNECTOR_WAITS[reason][1].format(connector=connector) if reason in CONNECTOR_WAITS else None,
    )


async def _with_reviewers(ctx: Context, item: contract.QueueItem) -> contract.QueueItem:
    """An item of runs that wait for people says for whom, and how to list their reviews."""
    if item.reason != "review":
        return item
    waits: WaitsForReview | None = None
    if item.run_uuid is not None:
        waits = (await pending_reviews.of_runs(ctx.db, [uid := uuid.UUID(item.run_uuid)])).get(uid)
    elif item.batch_uuid is not None and item.is_count_exact:
        waits = (await pending_reviews.of_batches(ctx.db, [uid := uuid.UUID(item.batch_uuid)])).get(uid)
    if waits is not None:
        return item.model_copy(update={"sentence": waits.sentence, "fix": waits.fix})
    return item.model_copy(update={"fix": f"cargo-ai orchestration review list --statuses pending --workflow-uuid {item.workflow_uuid}"})


def _storage_item(work: storage.Unfinished, now: int) -> contract.QueueItem:
    columns = ", ".join(work.columns)
    sentences = {
        "fill": f"The columns {columns} of {work.name} are being filled: {work.done or 0:,} of {work.total or 0:,} records.",
        "refresh": f"{work.name} is being refreshed from its source.",
        "undo": f"A change set of {work.name} is being undone: {work.total or 0:,} records.",
        "lookups": f"Columns of {work.name} are being computed again: {work.total or 0:,} of the values that they look up have changed.",
        "index": f"An index of {work.name} is being built, on {columns}.",
    }
    reasons: dict[str, contract.Waiting] = {
        "fill": "filling",
        "lookups": "filling",
        "refresh": "refreshing",
        "undo": "undoing",
        "index": "indexing",
    }
    since = work.since.timestamp() * 1000 if work.since is not None else now
    shown = {"index": f"storage model list-indexes {work.model}", "lookups": f"storage column list --model-uuid {work.model}"}
    show = shown.get(work.kind, f"storage run get {work.run}")
    return contract.QueueItem(
        reason=reasons[work.kind],
        sentence=sentences[work.kind],
        runs_count=0,
        age_seconds=max(0, now - int(since)) // 1000,
        due_at=None,
        workflow_uuid=None,
        batch_uuid=None,
        run_uuid=None,
        node_slug=None,
        fix=f"cargo-ai {show}",
        model_uuid=str(work.model),
        storage_run_uuid=str(work.run) if work.run is not None else None,
        column_slugs=list(work.columns),
        records_done=work.done,
        records_total=None if work.kind == "lookups" else work.total,
    )


async def _segment_items(ctx: Context, now: int) -> list[contract.QueueItem]:
    """Segments that workers have to compare, those of plays with their plays."""
    comparisons = await segmentation.unfinished(ctx.db, MAX_ITEMS)
    owned = [work.segment for work in comparisons if work.from_play]
    plays = {row.segment_uuid: row for row in await ctx.db.scalars(select(Play).where(Play.segment_uuid.in_(owned)))} if owned else {}
    return [_segment_item(work, plays.get(work.segment), now) for work in comparisons]


def _segment_item(work: segmentation.UnfinishedComparison, play: Play | None, now: int) -> contract.QueueItem:
    if work.change is not None:
        sentence, show = f"The segment {work.name} is being compared.", f"segmentation change get {work.change}"
    else:
        of = f"The play {play.name}" if play is not None else f"The segment {work.name}"
        sentence = f"{of} waits until its records have been looked at for the first time; what is written meanwhile counts."
        show = f"orchestration play get {play.uuid}" if play is not None else f"segmentation segment get {work.segment}"
    return contract.QueueItem(
        reason="comparing",
        sentence=sentence,
        runs_count=0,
        age_seconds=max(0, now - int(work.since.timestamp() * 1000)) // 1000,
        due_at=None,
        workflow_uuid=str(play.workflow_uuid) if play is not None else None,
        batch_uuid=None,
        run_uuid=None,
        node_slug=None,
        fix=f"cargo-ai {show}",
        model_uuid=str(work.model),
        segment_uuid=str(work.segment),
        records_done=work.done,
        records_total=work.total,
    )


def _alerts(items: list[contract.QueueItem], workers: list[contract.QueueWorker]) -> list[contract.QueueAlert]:
    """What does not go on by itself. A missing worker is an alert only where something waits."""
    alerts: list[contract.QueueAlert] = []
    living = [item for item in workers if item.is_alive]
    if items and not living:
        sentence = "Work waits and no worker is running: nothing goes on until one is."
        alerts.append(contract.QueueAlert(code="noWorker", sentence=sentence, fix="cargo-ai server start"))
    slow = [item for item in items if item.reason in {"worker", "batchToRead"} and item.age_seconds > SLOW_SECONDS]
    if living and slow:
        sentence = f"Work has waited for a worker for {max(item.age_seconds for item in slow)} seconds: all are busy. Start another one."
        alerts.append(contract.QueueAlert(code="slowStart", sentence=sentence, fix="cargo-ai server worker"))
    lost = [item for item in items if item.reason == "lostWorker"]
    if living and lost:
        count = sum(item.runs_count for item in lost)
        sentence = f"A worker is no longer heard of; another one takes its {count} runs over within a minute."
        alerts.append(contract.QueueAlert(code="lostWorker", sentence=sentence, fix=None))
    return alerts
