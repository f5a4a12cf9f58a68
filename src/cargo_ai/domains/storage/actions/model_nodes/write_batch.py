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
class _One:
    """A write on its way. `found`: the ids of the records that it matches; `record`: the one that its outcome shows."""

    kind: str
    call: Call
    mapped: list[Mapped]
    slug: str = ""
    text: str | None = None
    found: list[str] = field(default_factory=list[str])
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

    async def write(self, wanted: Sequence[tuple[str, Call]]) -> list[Outcome]:
        """The outcome of each `(insert|update|upsert, call)`, in order. psycopg's errors mean that none of them was written."""
        ones = [self._read(kind, call) for kind, call in wanted]
        left = [one for one in ones if one.outcome is None]
        await self._prepare(left)
        while left:
            await self._find(left)
            left = await self._round(left)
        connection = await driver_connection(self.db)
        await own_writes.record_writes(connection, self.relation.model, self._written)
        await self.changes.save(connection)
        return await self._outcomes(ones)

    def _read(self, kind: str, call: Call) -> _One:
        one = _One(kind, call, [])
        try:
            one.mapped = mappings(call.config)
            if kind != "insert":
                one.slug, one.text = matched(self.relation, call.config)
            if kind == "upsert" and one.text is None:
                raise InvalidConfig(f"`matchingValue` is empty: without it, no record can be matched by {one.slug}.")
        except InvalidConfig as fault:
            one.outcome = Failed(str(fault))
        return one

    async def _prepare(self, ones: Sequence[_One]) -> None:
        """Take the locks that keep two workers from adding the same record, in one order for all; then see what was added before."""
        adding = {one.call.key: one for one in ones if one.kind != "update"}
        if not adding:
            return
        names = [
            f"insert {one.call.key}" if one.kind == "insert" else f"upsert {self.relation.model} {one.slug} {one.text}"
            for one in adding.values()
        ]
        keys = "select distinct hashtextextended(u, 0) as k from unnest(%s::text[]) as u order by k"
        await fetch(await driver_connection(self.db), f"select pg_advisory_xact_lock(k) from ({keys}) as s", [names])  # noqa: S608
        known = "select key, record_id from model_inserts where key = any(%s) and workspace_uuid = %s"
        self._done = dict(await fetch(await driver_connection(self.db), known, [list(adding), self.workspace]))

    async def _find(self, ones: Sequence[_One]) -> None:
        """The records that updates and upserts mean, oldest first, locked."""
        by_slug: dict[str, list[_One]] = {}
        for one in ones:
            if one.slug:
                by_slug.setdefault(one.slug, []).append(one)
        for slug, group in by_slug.items():
            # The id column's value is the id, and that has an index.
            is_id = slug == "_id" or slug == self.relation.id_column
            column = self.relation.column(slug)
            kind = "text" if is_id or column is None else SQL_TYPES[column.type]
            name = "_id" if is_id else quote(slug)
            texts = [id_of(self.relation, one.text) if is_id else one.text for one in group]
            query = (
                f"select u.n, t._id, t._created_at from unnest(%s::int[], %s::text[]) as u (n, v) "  # noqa: S608 - names, quoted
                f"join {table_name(self.relation)} as t on t.{name} = u.v::{kind} order by t._id for update of t"
            )
            found: dict[int, list[tuple[datetime, str]]] = {}
            for number, uid, created in await fetch(await driver_connection(self.db), query, [list(range(len(group))), texts]):
                found.setdefault(number, []).append((created, uid))
            for number, one in enumerate(group):
                one.found = [uid for _, uid in sorted(found.get(number, []))]

    async def _round(self, ones: Sequence[_One]) -> list[_One]:
        """Write what does not touch the same records; what does is left for the next round."""
        before = await self._before(ones)
        taken: set[str] = set()
        values_taken: set[tuple[str, str | None]] = set()
        left: list[_One] = []
        new, changed = ValidatedRecords(), ValidatedRecords()
        made: list[tuple[_One, str]] = []
        writers: dict[str, _One] = {}
        for one in ones:
            if one.kind != "update" and one.call.key in self._done:
                one.record, one.is_new = self._done[one.call.key], True
                continue
            if taken.intersection(one.found) or (one.slug, one.text) in values_taken:
                left.append(one)
                continue
            try:
                if one.kind == "insert" or (one.kind == "upsert" and not one.found):
                    uid, row = self._new(one)
                    if uid in taken:
                        left.append(one)
                        continue
                    new.rows.append((uid, row))
                    taken.add(uid)
                    made.append((one, uid))
                    if one.slug:
                        values_taken.add((one.slug, one.text))
                else:
                    changed.rows += self._changes(one, before)
                    taken.update(one.found)
                    writers |= dict.fromkeys(one.found, one)
            except InvalidRecords as fault:
                one.outcome = Failed(str(fault))
        await self._apply(new, changed, made, writers)
        return left

    def _new(self, one: _One) -> tuple[str, Row]:
        given = values(one.mapped)
        if one.slug:
            given.setdefault(one.slug, one.call.config.get("matchingValue"))
        checked = validate_new(self.relation, [given], makes_ids=self.makes_ids)
        if checked.faults:
            raise InvalidRecords(checked.faults)
        return checked.rows[0]

    def _changes(self, one: _One, before: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Row]]:
        uids = one.found[:1] if one.kind == "upsert" else one.found
        if _keeps(one):
            changes = [(uid, merged(one.mapped, before[uid])) for uid in uids if uid in before]
        else:
            changes = [(uid, values(one.mapped)) for uid in uids]
        checked = validate_changes(self.relation, changes)
        if checked.faults:
            raise InvalidRecords(checked.faults)
        one.record, one.count = (uids[0] if uids else None), len(uids)
        return checked.rows

    async def _before(self, ones: Sequence[_One]) -> Mapping[str, Mapping[str, Any]]:
        """The records whose present values decide what may be replaced."""
        uids = list(dict.fromkeys(uid for one in ones if _keeps(one) for uid in one.found))
        if not uids:
            return {}
        return {record["_id"]: record for record in await rows.get(await driver_connection(self.db), self.relation, uids)}

    async def _apply(
        self, new: ValidatedRecords, changed: ValidatedRecords, made: Sequence[tuple[_One, str]], writers: Mapping[str, _One]
    ) -> None:
        """Write what has no two writers. `writers`: who changes which record."""
        writer = Writer(self.db, self.workspace, self.relation, self.settings, self.changes)
        calls = {uid: one.call for uid, one in writers.items()} | {uid: one.call for one, uid in made}
        if calls:
            await self.changes.attribute(await driver_connection(self.db), calls)
        self._written += [(one.call.batch, uid) for one, uid in made]
        if new.rows:
            for uid in await writer.create(new):
                self.changes.count(calls[uid], added=1)
            await execute(
                await driver_connection(self.db),
                "insert into model_inserts (key, workspace_uuid, model_uuid, record_id, at) "
                "select u.key, %s, %s, u.record_id, %s from unnest(%s::text[], %s::text[]) as u (key, record_id)",
                [self.workspace, self.relation.model, clock.now(), [one.call.key for one, _ in made], [uid for _, uid in made]],
            )
        if changed.rows:
            for uid in await writer.update(changed):
                self._written.append((calls[uid].batch, uid))
                self.changes.count(calls[uid], updated=1)
        for one, uid in made:
            one.record, one.is_new, one.count = uid, True, 1
            self._done[one.call.key] = uid
        self._warnings += [sentence for sentence in writer.warnings if sentence not in self._warnings]

    async def _outcomes(self, ones: Sequence[_One]) -> list[Outcome]:
        uids = list(dict.fromkeys(one.record for one in ones if one.record is not None))
        records = (
            {record["_id"]: record for record in await rows.get(await driver_connection(self.db), self.relation, uids)} if uids else {}
        )
        return [one.outcome or self._done_with(one, records) for one in ones]

    def _done_with(self, one: _One, records: Mapping[str, Mapping[str, Any]]) -> Outcome:
        record = records.get(one.record or "")
        warnings = tuple(self._warnings)
        if one.kind == "update":
            title = f"✅ {one.count} {'record was' if one.count == 1 else 'records were'} updated" if one.count else "❌ No record matches"
            return Done({"record": record, "count": one.count}, title, warnings=warnings)
        if one.is_new:
            return Done({"record": record, "isNew": True}, "✅ Record was added", warnings=warnings)
        if len(one.found) > 1:
            warnings = (*warnings, f"Several records have this {one.slug}: the oldest was changed.")
        return Done({"record": record, "isNew": False}, "✅ Record was updated", warnings=warnings)


def _keeps(one: _One) -> bool:
    return one.kind != "insert" and any(mapping.policy != "overwrite" for mapping in one.mapped)
