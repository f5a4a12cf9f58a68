"""Batch: writes of several nodes into one model in one transaction, with the same outcomes as one after the other."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.storage.actions.model_nodes.config import Mapped, mappings, matched, merged, values
from cargo_ai.domains.storage.history.run_changes import RunChanges
from cargo_ai.domains.storage.records import own_writes
from cargo_ai.domains.storage.records.write import InvalidRecords, Row, ValidatedRecords, Writer, id_of, validate_changes, validate_new
from cargo_ai.engine.graph.action import Call, Done, Failed, InvalidConfig, Outcome
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.records import rows
from cargo_ai.records.catalog import SQL_TYPES, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import quote
from cargo_ai.store.driver import driver_connection, execute, fetch


@dataclass(eq=False, slots=True)
class _PendingWrite:
    """A write on its way. `matches`: the ids of the records that it matches; `record`: the one that its outcome shows."""

    kind: str
    call: Call
    mapped: list[Mapped]
    slug: str = ""
    text: str | None = None
    matches: list[str] = field(default_factory=list[str])
    record: str | None = None
    is_new: bool = False
    count: int = 0
    outcome: Outcome | None = None


@dataclass(slots=True)
class Batch:
    """The writes of one transaction; the caller commits."""

    db: AsyncSession
    workspace: uuid.UUID
    relation: Relation
    settings: Settings
    makes_ids: bool
    changes: RunChanges
    _done: dict[str, str] = field(default_factory=dict[str, str])
    _warnings: list[str] = field(default_factory=list[str])
    _written: list[tuple[uuid.UUID | None, str]] = field(default_factory=list[tuple[uuid.UUID | None, str]])

    async def write(self, calls: Sequence[tuple[str, Call]]) -> list[Outcome]:
        """The outcome of each `(insert|update|upsert, call)`, in order. psycopg's errors mean that none of them was written."""
        writes = [self._read(kind, call) for kind, call in calls]
        left = [write for write in writes if write.outcome is None]
        await self._prepare(left)
        while left:
            await self._find(left)
            left = await self._round(left)
        connection = await driver_connection(self.db)
        await own_writes.record_writes(connection, self.relation.model, self._written)
        await self.changes.save(connection)
        return await self._outcomes(writes)

    def _read(self, kind: str, call: Call) -> _PendingWrite:
        write = _PendingWrite(kind, call, [])
        try:
            write.mapped = mappings(call.config)
            if kind != "insert":
                write.slug, write.text = matched(self.relation, call.config)
            if kind == "upsert" and write.text is None:
                raise InvalidConfig(f"`matchingValue` is empty: without it, no record can be matched by {write.slug}.")
        except InvalidConfig as fault:
            write.outcome = Failed(str(fault))
        return write

    async def _prepare(self, writes: Sequence[_PendingWrite]) -> None:
        """Take the locks that keep two workers from adding the same record, in one order for all; then see what was added before."""
        adding = {write.call.key: write for write in writes if write.kind != "update"}
        if not adding:
            return
        names = [
            f"insert {write.call.key}" if write.kind == "insert" else f"upsert {self.relation.model} {write.slug} {write.text}"
            for write in adding.values()
        ]
        keys = "select distinct hashtextextended(u, 0) as k from unnest(%s::text[]) as u order by k"
        await fetch(await driver_connection(self.db), f"select pg_advisory_xact_lock(k) from ({keys}) as s", [names])  # noqa: S608
        known = "select key, record_id from model_inserts where key = any(%s) and workspace_uuid = %s"
        self._done = dict(await fetch(await driver_connection(self.db), known, [list(adding), self.workspace]))

    async def _find(self, writes: Sequence[_PendingWrite]) -> None:
        """The records that updates and upserts mean, oldest first, locked."""
        by_slug: dict[str, list[_PendingWrite]] = {}
        for write in writes:
            if write.slug:
                by_slug.setdefault(write.slug, []).append(write)
        for slug, group in by_slug.items():
            # The id column's value is the id, and that has an index.
            is_id = slug == "_id" or slug == self.relation.id_column
            column = self.relation.column(slug)
            kind = "text" if is_id or column is None else SQL_TYPES[column.type]
            name = "_id" if is_id else quote(slug)
            texts = [id_of(self.relation, write.text) if is_id else write.text for write in group]
            query = (
                f"select u.n, t._id, t._created_at from unnest(%s::int[], %s::text[]) as u (n, v) "  # noqa: S608 - names, quoted
                f"join {table_name(self.relation)} as t on t.{name} = u.v::{kind} order by t._id for update of t"
            )
            matches: dict[int, list[tuple[datetime, str]]] = {}
            for number, uid, created in await fetch(await driver_connection(self.db), query, [list(range(len(group))), texts]):
                matches.setdefault(number, []).append((created, uid))
            for number, write in enumerate(group):
                write.matches = [uid for _, uid in sorted(matches.get(number, []))]

    async def _round(self, writes: Sequence[_PendingWrite]) -> list[_PendingWrite]:
        """Write what does not touch the same records; what does is left for the next round."""
        before = await self._before(writes)
        taken: set[str] = set()
        values_taken: set[tuple[str, str | None]] = set()
        left: list[_PendingWrite] = []
        new, changed = ValidatedRecords(), ValidatedRecords()
        added: list[tuple[_PendingWrite, str]] = []
        writers: dict[str, _PendingWrite] = {}
        for write in writes:
            if write.kind != "update" and write.call.key in self._done:
                write.record, write.is_new = self._done[write.call.key], True
                continue
            if taken.intersection(write.matches) or (write.slug, write.text) in values_taken:
                left.append(write)
                continue
            try:
                if write.kind == "insert" or (write.kind == "upsert" and not write.matches):
                    uid, row = self._new(write)
                    if uid in taken:
                        left.append(write)
                        continue
                    new.rows.append((uid, row))
                    taken.add(uid)
                    added.append((write, uid))
                    if write.slug:
                        values_taken.add((write.slug, write.text))
                else:
                    changed.rows += self._changes(write, before)
                    taken.update(write.matches)
                    writers |= dict.fromkeys(write.matches, write)
            except InvalidRecords as fault:
                write.outcome = Failed(str(fault))
        await self._apply(new, changed, added, writers)
        return left

    def _new(self, write: _PendingWrite) -> tuple[str, Row]:
        fields = values(write.mapped)
        if write.slug:
            fields.setdefault(write.slug, write.call.config.get("matchingValue"))
        checked = validate_new(self.relation, [fields], makes_ids=self.makes_ids)
        if checked.faults:
            raise InvalidRecords(checked.faults)
        return checked.rows[0]

    def _changes(self, write: _PendingWrite, before: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Row]]:
        uids = write.matches[:1] if write.kind == "upsert" else write.matches
        if _keeps(write):
            changes = [(uid, merged(write.mapped, before[uid])) for uid in uids if uid in before]
        else:
            changes = [(uid, values(write.mapped)) for uid in uids]
        checked = validate_changes(self.relation, changes)
        if checked.faults:
            raise InvalidRecords(checked.faults)
        write.record, write.count = (uids[0] if uids else None), len(uids)
        return checked.rows

    async def _before(self, writes: Sequence[_PendingWrite]) -> Mapping[str, Mapping[str, Any]]:
        """The records whose present values decide what may be replaced."""
        uids = list(dict.fromkeys(uid for write in writes if _keeps(write) for uid in write.matches))
        if not uids:
            return {}
        return {record["_id"]: record for record in await rows.get(await driver_connection(self.db), self.relation, uids)}

    async def _apply(
        self,
        new: ValidatedRecords,
        changed: ValidatedRecords,
        added: Sequence[tuple[_PendingWrite, str]],
        writers: Mapping[str, _PendingWrite],
    ) -> None:
        """Write what has no two writers. `writers`: who changes which record."""
        writer = Writer(self.db, self.workspace, self.relation, self.settings, self.changes)
        calls = {uid: write.call for uid, write in writers.items()} | {uid: write.call for write, uid in added}
        if calls:
            await self.changes.attribute(await driver_connection(self.db), calls)
        self._written += [(write.call.batch, uid) for write, uid in added]
        if new.rows:
            for uid in await writer.create(new):
                self.changes.count(calls[uid], added=1)
            await execute(
                await driver_connection(self.db),
                "insert into model_inserts (key, workspace_uuid, model_uuid, record_id, at) "
                "select u.key, %s, %s, u.record_id, %s from unnest(%s::text[], %s::text[]) as u (key, record_id)",
                [self.workspace, self.relation.model, clock.now(), [write.call.key for write, _ in added], [uid for _, uid in added]],
            )
        if changed.rows:
            for uid in await writer.update(changed):
                self._written.append((calls[uid].batch, uid))
                self.changes.count(calls[uid], updated=1)
        for write, uid in added:
            write.record, write.is_new, write.count = uid, True, 1
            self._done[write.call.key] = uid
        self._warnings += [sentence for sentence in writer.warnings if sentence not in self._warnings]

    async def _outcomes(self, writes: Sequence[_PendingWrite]) -> list[Outcome]:
        uids = list(dict.fromkeys(write.record for write in writes if write.record is not None))
        records = (
            {record["_id"]: record for record in await rows.get(await driver_connection(self.db), self.relation, uids)} if uids else {}
        )
        return [write.outcome or self._done_with(write, records) for write in writes]

    def _done_with(self, write: _PendingWrite, records: Mapping[str, Mapping[str, Any]]) -> Outcome:
        record = records.get(write.record or "")
        warnings = tuple(self._warnings)
        if write.kind == "update":
            title = (
                f"✅ {write.count} {'record was' if write.count == 1 else 'records were'} updated"
                if write.count
                else "❌ No record matches"
            )
            return Done({"record": record, "count": write.count}, title, warnings=warnings)
        if write.is_new:
            return Done({"record": record, "isNew": True}, "✅ Record was added", warnings=warnings)
        if len(write.matches) > 1:
            warnings = (*warnings, f"Several records have this {write.slug}: the oldest was changed.")
        return Done({"record": record, "isNew": False}, "✅ Record was updated", warnings=warnings)


def _keeps(write: _PendingWrite) -> bool:
    return write.kind != "insert" and any(mapping.policy != "overwrite" for mapping in write.mapped)
