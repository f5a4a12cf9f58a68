"""Run changes: note which runs wrote which records, where the writes of many runs share a transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cargo_ai.engine.graph.action import Call
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import Connection, driver_connection, execute, fetch
from cargo_ai.store.session import Database

MAX_KNOWN = 10_000

_CREATE = """
insert into change_sets (uuid, created_at, updated_at, workspace_uuid, model_uuid, kind, workflow_uuid, batch_uuid, records_at)
select u.uuid, %(at)s, %(at)s, %(workspace)s, %(model)s, 'batch', u.workflow, u.batch, %(at)s
from unnest(%(uuids)s::uuid[], %(workflows)s::uuid[], %(batches)s::uuid[]) as u (uuid, workflow, batch)
where exists (select from models as m where m.uuid = %(model)s and m.workspace_uuid = %(workspace)s and m.deleted_at is null)
on conflict (batch_uuid, model_uuid) where batch_uuid is not null do nothing
"""
_FIND = "select batch_uuid, uuid from change_sets where workspace_uuid = %s and model_uuid = %s and batch_uuid = any(%s)"


class BatchChangeSets:
    """The change set of each batch in each model, which all transactions of its runs belong to; one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[uuid.UUID, uuid.UUID], uuid.UUID] = {}

    async def find(self, workspace: uuid.UUID, model: uuid.UUID, calls: Iterable[Call]) -> Mapping[uuid.UUID, uuid.UUID]:
        """The change sets by batch, created where they are missing: in a transaction of their own, so that no writer waits for another's
        commit. None for a model that the workspace does not have."""
        workflows = {call.batch: call.workflow for call in calls if call.batch is not None}
        missing = sorted(batch for batch in workflows if (batch, model) not in self._known)
        if missing:
            if len(self._known) > MAX_KNOWN:
                self._known.clear()
            values = {"at": clock.now(), "workspace": workspace, "model": model, "batches": missing}
            values |= {"uuids": [ids.new() for _ in missing], "workflows": [workflows[batch] for batch in missing]}
            async with self._database.session(workspace) as db:
                connection = await driver_connection(db)
                await execute(connection, _CREATE, values)
                known = await fetch(connection, _FIND, [workspace, model, missing])
                await db.commit()
            self._known |= {(batch, model): uid for batch, uid in known}
        return {batch: self._known[batch, model] for batch in workflows if (batch, model) in self._known}


_SAVE_RUNS = """
insert into change_sets (uuid, created_at, updated_at, workspace_uuid, model_uuid, kind, workflow_uuid, run_uuid, records_at)
select u.uuid, %(at)s, %(at)s, %(workspace)s, %(model)s, 'run', u.workflow, u.run, %(at)s
from unnest(%(uuids)s::uuid[], %(workflows)s::uuid[], %(runs)s::uuid[]) as u (uuid, workflow, run)
"""
_SAVE_WRITES = """
insert into change_set_writes (change_set_uuid, xid, workspace_uuid, added, updated, removed)
select u.uuid, pg_current_xact_id(), %s, u.added, u.updated, u.removed
from unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[]) as u (uuid, added, updated, removed)
"""


@dataclass(slots=True)
class RunChanges:
    """What the runs of one transaction write into one model: into the change set of their batch, or into one of their own."""

    workspace: uuid.UUID
    model: uuid.UUID
    batch_sets: Mapping[uuid.UUID, uuid.UUID]
    at: datetime = field(default_factory=clock.now)
    _run_sets: dict[uuid.UUID, tuple[uuid.UUID, Call]] = field(default_factory=dict[uuid.UUID, tuple[uuid.UUID, Call]])
    _counts: dict[uuid.UUID, list[int]] = field(default_factory=dict[uuid.UUID, list[int]])

    async def attribute(self, connection: Connection, writers: Mapping[str, Call]) -> None:
        """Say who writes which record, before they are written: the log then has it."""
        pairs = {record: (str(self._set_of(call)), str(call.run)) for record, call in writers.items()}
        await execute(connection, "select set_config('cargo_ai.writers', %s, true)", [json.dumps(pairs, separators=(",", ":"))])

    async def note(self, connection: Connection, *, added: int = 0, updated: int = 0, removed: int = 0) -> None:
        """Nothing: `count` does it, by run."""

    def count(self, call: Call, *, added: int = 0, updated: int = 0, removed: int = 0) -> None:
        """Count records that a run wrote."""
        counts = self._counts.setdefault(self._set_of(call), [0, 0, 0])
        for at, number in enumerate((added, updated, removed)):
            counts[at] += number

    def _set_of(self, call: Call) -> uuid.UUID:
        if call.batch is not None:
            return self.batch_sets[call.batch]
        if call.run not in self._run_sets:
            self._run_sets[call.run] = ids.new(), call
        return self._run_sets[call.run][0]

    async def save(self, connection: Connection) -> None:
        """Store what was counted. Before the commit; once."""
        runs = [(uid, call) for uid, call in self._run_sets.values() if uid in self._counts]
        if runs:
            values = {"at": self.at, "workspace": self.workspace, "model": self.model, "uuids": [uid for uid, _ in runs]}
            values |= {"workflows": [call.workflow for _, call in runs], "runs": [call.run for _, call in runs]}
            await execute(connection, _SAVE_RUNS, values)
        if self._counts:
            columns = [list(column) for column in zip(*self._counts.values(), strict=True)]
            await execute(connection, _SAVE_WRITES, [self.workspace, list(self._counts), *columns])
