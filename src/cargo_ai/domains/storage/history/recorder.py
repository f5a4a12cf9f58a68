"""Recorder: note who writes records of a model, as one change set for all that a request, file, batch or run writes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cargo_ai.contract.storage.records.change_set import Kind
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import Connection, execute

if TYPE_CHECKING:
    from cargo_ai.context.context import Context

MAX_SOURCE = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """Who or what writes. `source`: what it comes from as people know it, such as the name of a file; `undoes`: the change set that is
    taken back."""

    kind: Kind
    user: uuid.UUID | None = None
    token: uuid.UUID | None = None
    workflow: uuid.UUID | None = None
    batch: uuid.UUID | None = None
    run: uuid.UUID | None = None
    source: str | None = None
    undoes: uuid.UUID | None = None


def origin_of(ctx: Context, kind: Kind, *, source: str | None = None, undoes: uuid.UUID | None = None) -> Origin:
    """The caller of a request, with its token where it has one."""
    return Origin(kind, ctx.who.user_uuid, ctx.who.token_uuid if ctx.who.token_uuid.int else None, source=source, undoes=undoes)


# `cs`: the change set, unless there is one (of a sync, which has many transactions); then its writes of this transaction.
_CHANGE_SET = """
    insert into change_sets (
        uuid, created_at, updated_at, workspace_uuid, model_uuid, kind, user_uuid, token_uuid, workflow_uuid, batch_uuid, run_uuid, source,
        records_at, undoes_uuid
    ) select %(uuid)s, %(at)s, %(at)s, %(workspace)s, %(model)s, %(kind)s, %(user)s, %(token)s, %(workflow)s, %(batch)s, %(run)s,
        %(source)s, %(at)s, %(undoes)s"""
NOTE_UPDATE = (
    f"cs as ({_CHANGE_SET} from updated)",
    """cs_write as (
    insert into change_set_writes (change_set_uuid, xid, workspace_uuid, added, updated, removed)
    select %(uuid)s, pg_current_xact_id(), %(workspace)s, 0, 1, 0 from updated
)""",
)
"""Parts of a statement whose part `updated` has a row where a record was changed: they note that, by the `values` of a recorder."""
_ADD = f"""
with cs as ({_CHANGE_SET} on conflict (uuid) do nothing)
insert into change_set_writes (change_set_uuid, xid, workspace_uuid, added, updated, removed)
values (%(uuid)s, pg_current_xact_id(), %(workspace)s, %(added)s, %(updated)s, %(removed)s)
"""  # noqa: S608 - put together from our own texts
_COUNT = """
update change_set_writes set added = added + %(added)s, updated = updated + %(updated)s, removed = removed + %(removed)s
where change_set_uuid = %(uuid)s and xid = pg_current_xact_id()
"""


class Changes(Protocol):
    """What a writer of records belongs to."""

    @property
    def at(self) -> datetime:
        """The time of all of its writes."""
        ...

    async def note(self, connection: Connection, *, added: int = 0, updated: int = 0, removed: int = 0) -> None:
        """Count records that were written in the connection's transaction."""
        ...


@dataclass(slots=True)
class ChangeRecorder:
    """The change set of one request or file in one transaction; it exists as soon as something is noted. `at` is the time of all of its
    writes: what it adds has it as `_created_at`."""

    workspace: uuid.UUID
    model: uuid.UUID
    origin: Origin
    uuid: uuid.UUID = field(default_factory=ids.new)
    at: datetime = field(default_factory=clock.now)
    _is_noted: bool = False

    async def note(self, connection: Connection, *, added: int = 0, updated: int = 0, removed: int = 0) -> None:
        """Count records that were written in the connection's transaction."""
        if not (added or updated or removed):
            return
        counts = {"uuid": self.uuid, "added": added, "updated": updated, "removed": removed}
        if self._is_noted:
            await execute(connection, _COUNT, counts)
            return
        self._is_noted = True
        await execute(connection, _ADD, counts | self.values)

    @property
    def values(self) -> dict[str, object]:
        """What a statement that notes the change set needs."""
        origin = self.origin
        return {
            "uuid": self.uuid, "at": self.at, "workspace": self.workspace, "model": self.model, "kind": origin.kind, "user": origin.user,
            "token": origin.token, "workflow": origin.workflow, "batch": origin.batch, "run": origin.run, "undoes": origin.undoes,
            "source": None if origin.source is None else origin.source[:MAX_SOURCE],
        }  # fmt: skip
