"""Group searches: the searches of many runs in one model go to the database in few statements, each with its own outcome."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes import search
from cargo_ai.domains.storage.actions.model_nodes.search import CompiledSearch, CompiledShapes, SearchConfig
from cargo_ai.domains.storage.filter_scopes import build_scope
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.engine.graph.action import Call, Failed, InvalidConfig, Outcome
from cargo_ai.kernel import ids
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.filter import compile
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store.driver import driver_connection, fetch
from cargo_ai.user_sql.run import conditions

MAX_TOGETHER = 50
MAX_RECORDS = 2_000
"""Records that the searches of one statement may give together."""
_CHANGED = (errors.UndefinedColumn, errors.UndefinedTable, errors.DeadlockDetected, errors.SerializationFailure)


@dataclass(eq=False, slots=True)
class Search:
    """One search of one node, and what comes of it. `is_alone`: it shares no statement, for it may fail on the values that it meets."""

    call: Call
    config: SearchConfig
    outcome: asyncio.Future[Outcome]
    is_alone: bool = False


@dataclass(slots=True)
class _Lane:
    """The searches in one model that wait. While some are under way, the next ones gather: no search waits for company."""

    waiting: list[Search] = field(default_factory=list[Search])
    task: asyncio.Task[None] | None = None

    def take(self) -> list[Search]:
        """The next ones that may be sent together. A run that was given up waits for nothing any more."""
        taken: list[Search] = []
        records = 0
        while self.waiting and len(taken) < MAX_TOGETHER and (not taken or records + self.waiting[0].config.limit <= MAX_RECORDS):
            next_one = self.waiting.pop(0)
            if not next_one.outcome.done():
                taken.append(next_one)
                records += next_one.config.limit
        return taken


class GroupedSearches:
    """Searches in models; one per worker process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lanes: dict[tuple[uuid.UUID, str], _Lane] = {}

    async def perform(self, call: Call) -> Outcome:
        """The action as the engine calls it. What the config does wrong is InvalidConfig; else only the database's faults are raised."""
        config = search.read(call.config)
        is_alone = compile.sql_length(config.filter, {}) > 0
        one = Search(call, config, asyncio.get_running_loop().create_future(), is_alone)
        key = (call.workspace, str(call.config.get("modelUuid")))
        lane = self._lanes.setdefault(key, _Lane())
        lane.waiting.append(one)
        if lane.task is None:
            lane.task = asyncio.create_task(self._drain(key, lane), name="model searches")
        return await one.outcome

    async def _drain(self, key: tuple[uuid.UUID, str], lane: _Lane) -> None:
        try:
            while lane.waiting:
                await self._settle(*key, lane.take())
        finally:
            del self._lanes[key]

    async def _settle(self, workspace: uuid.UUID, model: str, searches: Sequence[Search]) -> None:
        """Do them together; where that is not possible, each alone."""
        try:
            # Before there is a connection, so that none is held by what waits.
            async with self._services.database.turns.take(workspace):
                together = [one for one in searches if not one.is_alone]
                try:
                    await self._together(workspace, model, together)
                except (psycopg.Error, DBAPIError, InvalidFilter) as error:
                    _fail(together, error) if len(together) == 1 else _separate(together)
                for one in searches:
                    if one.is_alone and not one.outcome.done():
                        await self._alone(workspace, model, one)
        except BaseException as error:
            # Also what is a bug: those who wait must hear of it.
            _fail(searches, error)
            if not isinstance(error, Exception):
                raise

    async def _alone(self, workspace: uuid.UUID, model: str, one: Search) -> None:
        try:
            await self._together(workspace, model, [one])
        except (psycopg.Error, DBAPIError, InvalidFilter) as error:
            _fail([one], error)

    async def _together(self, workspace: uuid.UUID, model: str, searches: Sequence[Search]) -> None:
        if not searches:
            return
        async with self._services.database.session(workspace) as db:
            catalog = await model_catalog.catalog(db, workspace)
            named = ids.parse(model)
            relation = catalog.by_model(named) if named else None
            if relation is None:
                raise InvalidConfig(f"There is no model {model} in this workspace: see `cargo-ai storage model list`.")
            shapes, compiled = CompiledShapes(), list[tuple[Search, CompiledSearch]]()
            for one in searches:
                try:
                    each = await self._compiled(db, catalog, relation, shapes, one, len(compiled))
                except InvalidConfig as fault:
                    _fail([one], fault)
                    continue
                if each.scope.written and len(searches) > 1:
                    one.is_alone = True
                else:
                    compiled.append((one, each))
            if compiled:
                await self._run(db, compiled)

    async def _compiled(
        self, db: AsyncSession, catalog: Catalog, relation: Relation, shapes: CompiledShapes, one: Search, number: int
    ) -> CompiledSearch:
        shape = search.shape_of(one.config)
        known = shapes.repeat(shape, number)
        if known is not None:
            return known
        scope = await build_scope(self._services, db, catalog, one.config.filter)
        scope.bound = shapes.bound
        compiled = await search.compile_search(one.config, relation, scope, number)
        shapes.remember(shape, compiled)
        return compiled

    async def _run(self, db: AsyncSession, compiled: Sequence[tuple[Search, CompiledSearch]]) -> None:
        scope = compiled[0][1].scope
        connection = await driver_connection(db)
        pages: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        async with conditions.limit(self._services.database.turns, connection, scope):
            for row in await fetch(connection, " UNION ALL ".join(each.page for _, each in compiled), scope.params):
                pages[row[0]].append(row)
            # Where all records were given, they need not be counted.
            longer = [each.count for _, each in compiled if len(pages[each.number]) > each.limit]
            counts = dict(await fetch(connection, " UNION ALL ".join(longer), scope.params)) if longer else dict[int, int]()
        for one, each in compiled:
            if not one.outcome.done():
                one.outcome.set_result(each.outcome(pages[each.number], counts.get(each.number)))


def _separate(searches: Sequence[Search]) -> None:
    for one in searches:
        one.is_alone = True


def _fail(searches: Sequence[Search], error: BaseException) -> None:
    """What an error is for the runs: a fault of the filter, a model that was being changed, or the database's."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    for one in searches:
        if one.outcome.done():
            continue
        if isinstance(cause, _CHANGED):
            one.outcome.set_result(Failed("The model was being changed at the same moment.", transient=True))
        elif isinstance(error, InvalidFilter):
            one.outcome.set_exception(InvalidConfig(str(error)))
        else:
            one.outcome.set_exception(error if isinstance(error, Exception) else RuntimeError("The search was broken off."))
