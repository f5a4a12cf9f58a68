"""Deliveries: what a hook's events start, in one transaction with the note that they have come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cargo_ai.context.context import Context
from cargo_ai.context.process import Services
from cargo_ai.domains.connection.public import Hook
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.hooks import targets
from cargo_ai.domains.orchestration.hooks.targets import Target
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.integrations.webhook.events import FOR_EVER, HookEvent, record_of
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import ALL_WORKSPACES

_SEEN = """
insert into hook_keys (workspace_uuid, connector_uuid, digest, at) values (%s, %s, %s, %s)
on conflict (connector_uuid, digest) do update set at = excluded.at where hook_keys.at < excluded.at - %s
returning digest
"""
_PRUNE = """
delete from hook_keys where ctid in (select ctid from hook_keys where at < %s limit 10000)
"""


@dataclass(slots=True)
class Delivered:
    """What came of a delivery. events: how many of it were new."""

    events: int = 0
    repeated: int = 0
    records: int = 0
    runs: list[uuid.UUID] = field(default_factory=list[uuid.UUID])


async def deliver(ctx: Context, hook: Hook, events: Sequence[HookEvent]) -> Delivered:
    """Start what these events start, each event once whatever often it is sent. The caller commits, and answers then.

    Refusal, with nothing done: 409 where nothing is there to be started, 413 where the workspace keeps all that it may, 402 where it has no
    credits left.
    """
    connection, started = await driver_connection(ctx.db), Delivered()
    tools = await targets.of_connector(ctx.db, hook.connector)
    others = [target for find in ctx.services.hooks.hook_targets for target in await find(ctx.db, hook.connector)]
    if not tools and not others and hook.model is None:
        raise Refusal(
            409,
            "nothingToStart",
            "This hook starts nothing yet, and the event was not accepted: give a tool or an agent a trigger of this connector, or the "
            "connector a model.",
        )
    # In one order, so that two deliveries of the same events wait for each other and do not deadlock.
    for event in sorted(events, key=lambda event: event.keys[0].digest):
        if not await _is_new(connection, hook, event):
            started.repeated += 1
            continue
        started.events += 1
        started.runs += [await _start(ctx, connection, tool, event) for tool in tools if tool.takes(event)]
        started.records += await _write(ctx, hook, event)
        for other in others:
            await other.take(ctx.db, event.type, event.record)
    if started.runs:
        await _require_place(ctx, connection, hook)
    return started


async def _start(ctx: Context, connection: Connection, tool: Target, event: HookEvent) -> uuid.UUID:
    costs = await node_costs.run_costs(ctx.services, ctx.db, ctx.workspace, tool.spec.nodes)
    run = await submit.submit_run(connection, producer(ctx.settings.max_concurrent_runs), tool.spec, event.record, costs)
    return run["uuid"]


async def _write(ctx: Context, hook: Hook, event: HookEvent) -> int:
    """Write the event into the hook's model; how many records that were."""
    model = hook.model
    if model is None:
        return 0
    record = record_of(event, hook.record_path)
    if record is None:
        raise Refusal(400, "noRecord", f"There is no object at {hook.record_path or 'the top'} of this event that could be written.")
    # The connector's form lets nothing but a uuid through.
    await storage.ingest.ingest_objects(ctx, uuid.UUID(model), [record], None, skip_invalid=False)
    return 1


async def _is_new(connection: Connection, hook: Hook, event: HookEvent) -> bool:
    """Whether none of the event's keys has been seen, and note them. One that is being noted by another transaction is waited for."""
    now, fresh = clock.now(), True
    for key in sorted(event.keys, key=lambda key: key.digest):
        values = (hook.workspace, hook.connector, key.digest, now, timedelta(seconds=key.seconds))
        fresh &= await (await connection.execute(_SEEN, values)).fetchone() is not None
    return fresh


async def _require_place(ctx: Context, connection: Connection, hook: Hook) -> None:
    try:
        await quotas.require(connection, hook.workspace, "outputBytes", ctx.settings, 1)
    except Refusal as refusal:
        # How much the workspace keeps is nothing to those who send events.
        raise Refusal(refusal.status, refusal.reason, "This event cannot be accepted at present: there is no space left for it.") from None


async def prune(services: Services) -> None:
    """Forget the keys of events that came so long ago that no one sends them again."""
    async with services.database.session(ALL_WORKSPACES) as db:
        connection = await driver_connection(db)
        oldest = clock.now() - timedelta(seconds=FOR_EVER)
        while (await connection.execute(_PRUNE, (oldest,))).rowcount:
            await db.commit()
            connection = await driver_connection(db)
        await db.commit()
