"""Group commit of model writes: the writes of hundreds of runs share few transactions, each with its own outcome."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from cargo_ai.domains.storage.actions.model_nodes.write_batch import Batch
from cargo_ai.domains.storage.history.run_changes import BatchChangeSets, RunChanges
from cargo_ai.domains.storage.models.written_models import WrittenModels
from cargo_ai.engine.graph.action import Call, Failed, InvalidConfig, Outcome
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.session import Database

MAX_TOGETHER = 200
"""Writes of one transaction. Each may hold an advisory lock, and the database has room for some thousands."""
MAX_AT_ONCE = 4
"""Transactions at a time; others of the process need connections, too."""
_MODELS = "see `cargo-ai storage model list`"
_CHANGED = "The model was being changed at the same moment."

Kind = Literal["insert", "update", "upsert"]


@dataclass(eq=False, slots=True)
class Write:
    """One write of one node, and what comes of it."""

    call: Call
    kind: Kind
    outcome: asyncio.Future[Outcome]


@dataclass(slots=True)
class _Lane:
    """The writes into one model that wait. While some are being written, the next ones gather: no write waits for company."""

    waiting: list[Write] = field(default_factory=list[Write])
    task: asyncio.Task[None] | None = None


class Grouped:
    """Writes into models; one per worker process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._lanes: dict[tuple[uuid.UUID, str], _Lane] = {}
        self._change_sets, self._models = BatchChangeSets(database), WrittenModels()
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    def writing(self, kind: Kind) -> Callable[[Call], Awaitable[Outcome]]:
        """The action as the engine calls it. What the config or the records do wrong is Failed; only the database's faults are raised."""

        async def perform(call: Call) -> Outcome:
            write = Write(call, kind, asyncio.get_running_loop().create_future())
            self._put(write)
            return await write.outcome

        return perform

    def _put(self, write: Write) -> None:
        key = (write.call.workspace, str(write.call.config.get("modelUuid")))
        lane = self._lanes.setdefault(key, _Lane())
        lane.waiting.append(write)
        if lane.task is None:
            lane.task = asyncio.create_task(self._drain(key, lane), name="model writes")

    async def _drain(self, key: tuple[uuid.UUID, str], lane: _Lane) -> None:
        workspace, model = key
        while lane.waiting:
            async with self._places:
                writes, lane.waiting = lane.waiting[:MAX_TOGETHER], lane.waiting[MAX_TOGETHER:]
                # A run that was given up waits for nothing any more.
                await self._settle(workspace, model, [write for write in writes if not write.outcome.done()])
        del self._lanes[key]

    async def _settle(self, workspace: uuid.UUID, model: str, writes: list[Write], *, again: bool = True) -> None:
        """Write them; when one of them makes the database refuse all, halves are tried, until that one is alone."""
        if not writes:
            return
        try:
            outcomes = await self._together(workspace, model, writes)
        except (errors.DeadlockDetected, errors.SerializationFailure, DBAPIError, psycopg.Error) as caught:
            error = caught.orig if isinstance(caught, DBAPIError) and caught.orig is not None else caught
            if isinstance(error, (errors.DeadlockDetected, errors.SerializationFailure)) and again:
                await self._settle(workspace, model, writes, again=False)
            elif isinstance(error, psycopg.Error) and not isinstance(error, _ALL) and len(writes) > 1:
                await self._halve(workspace, model, writes)
            else:
                _give(writes, [_failed(error)] * len(writes), caught)
        except Refusal as refusal:
            # The workspace has no place for all of them: some may fit, and those that change records do.
            if len(writes) > 1:
                await self._halve(workspace, model, writes)
            else:
                _give(writes, [Failed(refusal.message)])
        except InvalidConfig as fault:
            _give(writes, [Failed(str(fault))] * len(writes))
        except BaseException as error:
            # Also what is a bug: those who wait must hear of it.
            _give(writes, [None] * len(writes), error)
            if not isinstance(error, Exception):
                raise
        else:
            _give(writes, outcomes)

    async def _halve(self, workspace: uuid.UUID, model: str, writes: list[Write]) -> None:
        half = len(writes) // 2
        await self._settle(workspace, model, writes[:half])
        await self._settle(workspace, model, writes[half:])

    async def _together(self, workspace: uuid.UUID, model: str, writes: Sequence[Write]) -> list[Outcome]:
        uid = ids.parse(model)
        if uid is None:
            raise InvalidConfig(f"There is no model {model} in this workspace: {_MODELS}.")
        sets = await self._change_sets.find(workspace, uid, [write.call for write in writes])
        async with self._database.session(workspace) as db:
            written = await self._models.find(db, model)
            if written is None:
                raise InvalidConfig(f"There is no model {model} in this workspace: {_MODELS}.")
            batch = Batch(db, workspace, written.relation, self._settings, written.makes_ids, RunChanges(workspace, uid, sets))
            outcomes = await batch.write([(write.kind, write.call) for write in writes])
            await db.commit()
            return outcomes


_ALL = (psycopg.OperationalError, psycopg.InterfaceError, errors.UndefinedColumn, errors.UndefinedTable)
"""What is no single write's fault."""


def _failed(error: BaseException) -> Outcome | None:
    """What an error of the database is for the run; None where it is to be raised."""
    if isinstance(error, errors.UniqueViolation):
        return Failed(f"The model has such a record already: {(error.diag.message_detail or '').rstrip('.')}.")
    if isinstance(error, (errors.UndefinedColumn, errors.UndefinedTable, errors.DeadlockDetected, errors.SerializationFailure)):
        return Failed(_CHANGED, transient=True)
    if isinstance(error, (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)):
        return Failed(f"The database does not take this record: {error.diag.message_primary or error}.")
    return None


def _give(writes: Sequence[Write], outcomes: Sequence[Outcome | None], error: BaseException | None = None) -> None:
    for write, outcome in zip(writes, outcomes, strict=True):
        if write.outcome.done():
            continue
        if outcome is not None:
            write.outcome.set_result(outcome)
        else:
            write.outcome.set_exception(error if isinstance(error, Exception) else RuntimeError("The write was broken off."))
