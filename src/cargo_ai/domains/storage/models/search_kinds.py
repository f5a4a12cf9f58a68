"""Search kinds of storage: models by name, records by their id, change sets by their uuids."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.search_kinds import SearchKind, Wanted, by_uuid, named
from cargo_ai.contract.workspace.search import Hit
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.tables import ChangeSet, Model
from cargo_ai.records import rows
from cargo_ai.store.driver import driver_connection

_READ = "storage:read"


async def _records(db: AsyncSession, workspace: uuid.UUID, wanted: Wanted) -> list[Hit]:
    """The records that have this id, of any model: looked up in the index of each."""
    catalog = await model_catalog.catalog(db, workspace)
    connection = await driver_connection(db)
    titles = await rows.titles_of_id(connection, catalog.relations, wanted.text, wanted.limit + 1)
    return [Hit(kind="record", uuid=str(model), name=title, record_id=wanted.text) for model, title in titles]


KINDS = (
    named("model", _READ, uid=Model.uuid, name=Model.name, slug=Model.slug, living=Model.deleted_at.is_(None)),
    SearchKind(kind="record", permission=_READ, find=_records),
    by_uuid("change-set", _READ, ChangeSet.workspace_uuid, ChangeSet.uuid, ChangeSet.kind),
)
