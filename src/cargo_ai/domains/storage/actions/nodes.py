"""Nodes: how the model actions are carried out: one transaction each, with the record, the outbox and the log in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import errors
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.storage import extractors, relations
from cargo_ai.domains.storage.actions.config import Mapped, Unusable, mappings, merged, values
from cargo_ai.domains.storage.tables import Model, ModelInsert
from cargo_ai.domains.storage.write import Unwritable, Writer, check_changes, check_new
from cargo_ai.engine.action import Call, Done, Failed, Outcome
from cargo_ai.engine.queue import driver_connection
from cargo_ai.kernel import clock, ids
from cargo_ai.store.session import Database
from cargo_ai.warehouse import rows
from cargo_ai.warehouse.catalog import Catalog, Relation
from cargo_ai.warehouse.driver import execute
from cargo_ai.warehouse.values import Unfit, shown, to_database

_MODELS = "see `cargo-ai storage model list`"


@dataclass(slots=True)
class Task:
    """One node at work: its call, the model, and the transaction."""

    call: Call
    db: AsyncSession
    catalog: Catalog
    relation: Relation
    makes_ids: bool

    @property
    def config(self) -> Mapping[str, Any]:
        """The node's resolved config."""
        return self.call.config

    def writer(self) -> Writer:
        """Writes into the model, telling the outbox."""
        return Writer(self.db, self.call.workspace, self.relation)

    async def create(self, given: Mapping[str, Any]) -> str:
        """Add a record; its id."""
        made = await self.writer().create(check_new(self.relation, [given], makes_ids=self.makes_ids))
        return made[0]

    async def read(self, uids: list[str]) -> list[dict[str, Any]]:
        """Records with their columns of every kind."""
        return await rows.get(await driver_connection(self.db), self.relation, uids)

    async def matching(self, *, most: int | None = None) -> list[str]:
        """The ids of the records that the config's matching column and value name, locked."""
        slug, text = matched(self.relation, self.config)
        return await rows.matching(await driver_connection(self.db), self.relation, slug, text, most=most)


Act = Callable[[Task], Awaitable[Outcome]]


class ModelNodes:
    """The effects of the model actions; one per worker process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def performing(self, act: Act) -> Callable[[Call], Awaitable[Outcome]]:
        """The action as the engine calls it. What the config or the records do wrong is Failed; only the database's faults are raised."""

        async def perform(call: Call) -> Outcome:
            try:
                return await self._perform(call, act)
            except (Unusable, Unwritable) as fault:
                return Failed(str(fault))
            except errors.UniqueViolation as error:
                return Failed(f"The model has such a record already: {(error.diag.message_detail or '').rstrip('.')}.")
            except (errors.UndefinedColumn, errors.UndefinedTable, errors.DeadlockDetected, errors.SerializationFailure):
                return Failed("The model was being changed at the same moment.", transient=True)

        return perform

    async def _perform(self, call: Call, act: Act) -> Outcome:
        async with self._database.session(call.workspace) as db:
            named = ids.parse(str(call.config.get("modelUuid")))
            catalog = await relations.catalog(db, call.workspace)
            relation = catalog.by_model(named) if named else None
            if relation is None:
                raise Unusable(f"There is no model {call.config.get('modelUuid')} in this workspace: {_MODELS}.")
            extractor = await db.scalar(select(Model.extractor_slug).where(Model.uuid == relation.model))
            makes_ids = extractor in {extractors.DEFINE_ACCOUNT, extractors.DEFINE_CONTACT}
            outcome = await act(Task(call, db, catalog, relation, makes_ids))
            if isinstance(outcome, Done):
                await db.commit()
            return outcome


def matched(relation: Relation, config: Mapping[str, Any]) -> tuple[str, str | None]:
    """The matching column, and its value as the database reads it. Unusable where either is wrong."""
    slug: object = config.get("matchingColumnSlug")
    if not isinstance(slug, str) or not slug:
        raise Unusable("The config needs `matchingColumnSlug`: the column that the record is found by.")
    column = relation.column(slug)
    if column is None or column.slug in {"_title", "_time"} or column.kind in {"metric", "lookup"}:
        raise Unusable(f"The model {relation.slug} has no stored column {slug} to find records by.")
    value: Any = config.get("matchingValue")
    try:
        return column.slug, to_database(value, column.type)
    except Unfit as fault:
        raise Unusable(f"`matchingValue` for {slug}: {shown(value)} {fault}.") from None


async def insert_record(task: Task) -> Outcome:
    """Add a record. A repeated attempt finds the one that it added before."""
    known = await _remembered(task)
    if known is None:
        known = await task.create(values(mappings(task.config)))
        await task.db.execute(
            insert(ModelInsert).values(
                key=task.call.key, workspace_uuid=task.call.workspace, model_uuid=task.relation.model, record_id=known, at=clock.now()
            )
        )
    return await _one(task, known, "✅ Record was added")


async def _remembered(task: Task) -> str | None:
    # Attempts of one node take turns: the second sees what the first has committed.
    await _locked(task.db, f"insert {task.call.key}")
    return await task.db.scalar(select(ModelInsert.record_id).where(ModelInsert.key == task.call.key))


async def update_records(task: Task) -> Outcome:
    """Change every record that matches; none is no failure."""
    mapped = mappings(task.config)
    uids = await task.matching()
    warnings = await _change(task, uids, mapped)
    records = await task.read(uids[:1])
    title = f"✅ {len(uids)} {'record was' if len(uids) == 1 else 'records were'} updated" if uids else "❌ No record matches"
    return Done({"record": records[0] if records else None, "count": len(uids)}, title, warnings=warnings)


async def upsert_record(task: Task) -> Outcome:
    """Change the oldest record that matches, or add one. Two runs with the same value take turns, so that never both add."""
    mapped = mappings(task.config)
    slug, text = matched(task.relation, task.config)
    if text is None:
        raise Unusable(f"`matchingValue` is empty: without it nobody knows which record is meant by {slug}.")
    await _locked(task.db, f"upsert {task.relation.model} {slug} {text}")
    found = await task.matching(most=2)
    if not found:
        given = values(mapped)
        given.setdefault(slug, task.config.get("matchingValue"))
        return await _one(task, await task.create(given), "✅ Record was added", is_new=True)
    warnings = await _change(task, found[:1], mapped)
    if len(found) > 1:
        warnings = (*warnings, f"Several records have this {slug}: the oldest was changed.")
    return await _one(task, found[0], "✅ Record was updated", is_new=False, warnings=warnings)


async def remove_records(task: Task) -> Outcome:
    """Take every record that matches away."""
    gone = await task.writer().remove(await task.matching())
    title = f"✅ {len(gone)} {'record was' if len(gone) == 1 else 'records were'} removed" if gone else "❌ No record matches"
    return Done({"count": len(gone)}, title)


async def _change(task: Task, uids: list[str], mapped: list[Mapped]) -> tuple[str, ...]:
    if not uids:
        return ()
    if all(one.policy == "overwrite" for one in mapped):
        changes = [(uid, values(mapped)) for uid in uids]
    else:
        changes = [(record["_id"], merged(mapped, record)) for record in await task.read(uids)]
    writer = task.writer()
    await writer.update(check_changes(task.relation, changes))
    return tuple(writer.warnings)


async def _one(task: Task, uid: str, title: str, *, is_new: bool = True, warnings: tuple[str, ...] = ()) -> Outcome:
    records = await task.read([uid])
    return Done({"record": records[0] if records else None, "isNew": is_new}, title, warnings=warnings)


async def _locked(db: AsyncSession, what: str) -> None:
    await execute(await driver_connection(db), "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])
