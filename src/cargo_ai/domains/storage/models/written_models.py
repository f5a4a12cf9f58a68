"""Written models: what a write of records needs to know of its model, read again only when the model's row has changed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.storage.models import extractors, model, model_catalog
from cargo_ai.kernel import ids
from cargo_ai.records.catalog import Relation
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import workspace_of

MAX = 1_000

# Each change of a row makes another version of it, by another transaction or at another place.
VERSION = """
select xmin::text || ctid::text as version from models where uuid = %(model)s and workspace_uuid = %(workspace)s and deleted_at is null
"""


@dataclass(frozen=True, slots=True)
class WrittenModel:
    """A model whose records are written. `makes_ids`: a record without an id gets one."""

    relation: Relation
    makes_ids: bool


@dataclass(slots=True)
class WrittenModels:
    """The models that one process has written to lately. What is remembered counts only while the row is the version that was read."""

    _known: dict[uuid.UUID, tuple[str, WrittenModel]] = field(default_factory=dict[uuid.UUID, tuple[str, WrittenModel]])

    def remembered(self, text: str) -> tuple[str, WrittenModel] | None:
        """What is remembered of the model with this uuid, and of which version of its row; whether that is the present one is for the
        caller to see (`VERSION`)."""
        uid = ids.parse(text)
        return None if uid is None else self._known.get(uid)

    def forget(self, model: uuid.UUID) -> None:
        """Read this model again the next time."""
        self._known.pop(model, None)

    async def find(self, db: AsyncSession, text: str) -> WrittenModel | None:
        """The model with this uuid; None when it is unknown or removed."""
        uid = ids.parse(text)
        version = None if uid is None else await _version(db, uid)
        if uid is None or version is None:
            return None
        former, known = self._known.get(uid, ("", None))
        if known is not None and former == version:
            return known
        row = await model.find(db, text)
        if row is None:
            return None
        known = WrittenModel(model_catalog.to_relation(row, ""), extractors.makes_ids(row.extractor_slug))
        # One that was changed between the two looks is not remembered: its version is another one by now.
        if await _version(db, uid) == version:
            if len(self._known) >= MAX:
                self._known.clear()
            self._known[uid] = version, known
        return known


async def _version(db: AsyncSession, uid: uuid.UUID) -> str | None:
    cursor = await (await driver_connection(db)).execute(VERSION, {"model": uid, "workspace": workspace_of(db)})
    row = await cursor.fetchone()
    return None if row is None else str(row[0])
