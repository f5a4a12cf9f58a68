"""Write-backs: remember what the runs of a play wrote to the service that its model comes from, and know it again when a sync brings it.

Otherwise each would be one more change of the model, and start the play once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from cargo_ai.context.write_backs import WriteBack
from cargo_ai.kernel import clock
from cargo_ai.records import catalog, rows
from cargo_ai.records.catalog import Relation
from cargo_ai.records.values import InvalidValue, to_database
from cargo_ai.store.driver import Connection, driver_connection, execute, fetch
from cargo_ai.store.rows import Row
from cargo_ai.store.session import ALL_WORKSPACES, Database

write_backs = Table(
    "write_backs",
    Row.metadata,
    Column("connector_uuid", Uuid, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("object_type", Text, primary_key=True),
    Column("workflow_uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("values", JSONB, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("write_backs_at", "at"),
)
"""What runs of a play have written on a record of a service and no sync has brought yet. `at`: milliseconds since 1970."""

# What is written to a connector that fills no model comes back to none.
_NOTE = """
insert into write_backs as w (connector_uuid, record_id, object_type, workflow_uuid, workspace_uuid, values, at)
select distinct on (v.connector, v.record_id, v.object_type, b.workflow_uuid)
    v.connector, v.record_id, v.object_type, b.workflow_uuid, b.workspace_uuid, v.values, %s
from unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::jsonb[]) with ordinality
    as v (connector, record_id, object_type, batch, values, no)
join batches b on b.uuid = v.batch and b.enrolment is not null
where exists (
    select from models m join datasets d on d.uuid = m.dataset_uuid where d.connector_uuid = v.connector and m.deleted_at is null
)
order by v.connector, v.record_id, v.object_type, b.workflow_uuid, v.no desc
on conflict (connector_uuid, record_id, object_type, workflow_uuid) do update set values = w.values || excluded.values, at = excluded.at
"""
_PENDING = """
select record_id, workflow_uuid, values from write_backs
where connector_uuid = %s and record_id = any(%s) and object_type = %s and workspace_uuid = %s
"""
_OWN = """
insert into own_writes (workflow_uuid, model_uuid, xid, record_id, workspace_uuid, at)
select v.workflow, %s, pg_current_xact_id(), v.record_id, %s, %s from unnest(%s::uuid[], %s::text[]) as v (workflow, record_id)
on conflict do nothing
"""
_FORGET = """
delete from write_backs w using unnest(%s::text[], %s::uuid[]) as v (record_id, workflow)
where w.connector_uuid = %s and w.object_type = %s and w.record_id = v.record_id and w.workflow_uuid = v.workflow
"""


async def note(database: Database, writes: Sequence[WriteBack]) -> None:
    """Remember write-backs, in a transaction of their own."""
    async with database.session(ALL_WORKSPACES) as db:
        columns = [
            [write.connector for write in writes],
            [write.record_id for write in writes],
            [write.object_type for write in writes],
            [write.batch for write in writes],
            [Jsonb(dict(write.values)) for write in writes],
        ]
        await execute(await driver_connection(db), _NOTE, [clock.now_ms(), *columns])
        await db.commit()


@dataclass(slots=True)
class Echoes:
    """The records of one page of a sync that plays have written to. `slugs`: the columns of the model by name at the service."""

    connection: Connection
    workspace: uuid.UUID
    connector: uuid.UUID
    object_type: str
    relation: Relation
    slugs: Mapping[str, str]
    _pending: list[tuple[str, uuid.UUID, Mapping[str, Any]]] = field(default_factory=list[tuple[str, uuid.UUID, Mapping[str, Any]]])
    _before: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    async def look(self, uids: Sequence[str]) -> None:
        """Before the page is written: which of its records were written to, and what they are until now."""
        found = await fetch(self.connection, _PENDING, [self.connector, list(uids), self.object_type, self.workspace])
        self._pending = [(uid, workflow, values) for uid, workflow, values in found]
        self._before = await self._read()

    async def recognize(self, bookkeeping: frozenset[str]) -> None:
        """After it was written: a record that differs in nothing but what a play wrote is that play's own write."""
        after = await self._read()
        own: list[tuple[uuid.UUID, str]] = []
        seen: list[tuple[str, uuid.UUID]] = []
        for uid, workflow, values in self._pending:
            before, now = self._before.get(uid), after.get(uid)
            if now is None:
                continue
            brought = {slug for name, value in values.items() if (slug := self.slugs.get(name)) and self._is(now, slug, value)}
            if before is not None:
                changed = {slug for slug in self.slugs.values() if slug not in bookkeeping and before.get(slug) != now.get(slug)}
                if changed and changed <= brought:
                    own.append((workflow, uid))
            if len(brought) == sum(name in self.slugs for name in values):
                seen.append((uid, workflow))
        if own:
            workflows, uids = [workflow for workflow, _ in own], [uid for _, uid in own]
            await execute(self.connection, _OWN, [self.relation.model, self.workspace, clock.now_ms(), workflows, uids])
        if seen:
            columns = [[uid for uid, _ in seen], [workflow for _, workflow in seen]]
            await execute(self.connection, _FORGET, [*columns, self.connector, self.object_type])

    async def _read(self) -> dict[str, dict[str, Any]]:
        uids = list(dict.fromkeys(uid for uid, _, _ in self._pending))
        return {record["_id"]: record for record in await rows.get(self.connection, self.relation, uids)} if uids else {}

    def _is(self, record: Mapping[str, Any], slug: str, value: Any) -> bool:
        """Whether a column has a value that was written."""
        column = self.relation.column(slug)
        try:
            return column is not None and _text(record.get(slug), column) == _text(value, column)
        except InvalidValue:
            return False


def _text(value: Any, column: catalog.Column) -> str | float | None:
    text = to_database(value, column.type)
    return float(text) if text is not None and column.type == "number" else text
