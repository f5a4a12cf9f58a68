"""Passages: what is found in some of a workspace's files, with a source that a person can look up."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.content.retrieval.search import search
from cargo_ai.domains.content.tables import Chunk, File
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

Json = Any


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files are searched: these, and those of these folders and libraries; None: all of the workspace."""

    files: frozenset[uuid.UUID] = frozenset()
    folders: frozenset[uuid.UUID] = frozenset()
    libraries: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a file. number: its place in it, from 0."""

    file: uuid.UUID
    name: str
    number: int
    text: str
    position: JsonObject
    score: float
    content_type: str

    @property
    def source(self) -> str:
        """Where it stands, for people: `handbook.pdf, page 2`."""
        return ", ".join([self.name, *_places(self.position)])

    def to_json(self) -> JsonObject:
        """As tools and nodes give it."""
        return {
            "source": self.source,
            "fileUuid": str(self.file),
            "fileName": self.name,
            "number": self.number,
            "position": self.position,
            "text": self.text,
            "score": round(self.score, 3),
        }


def _places(position: Mapping[str, Json]) -> list[str]:
    places: list[str] = []
    if "page" in position:
        places.append(f"page {position['page']}")
    if "sheet" in position:
        places.append(f"sheet {position['sheet']}")
    if "row" in position:
        first, last = position["row"], position["lastRow"]
        places.append(f"row {first}" if first == last else f"rows {first}-{last}")
    if "heading" in position:
        places.append(f"“{position['heading']}”")
    return places


def scope_of(config: Mapping[str, Json]) -> Scope | None:
    """The scope that `fileUuids`, `folderUuids` and `libraryUuids` of a config name; None where there are no such keys. ValueError says
    what cannot be one."""
    named = {key: config[key] for key in ("fileUuids", "folderUuids", "libraryUuids") if config.get(key) is not None}
    if not named:
        return None
    return Scope(*(_uuids(key, named.get(key, [])) for key in ("fileUuids", "folderUuids", "libraryUuids")))


def _uuids(key: str, value: Json) -> frozenset[uuid.UUID]:
    texts = cast("list[Json]", value if isinstance(value, list) else [value])
    found = [ids.parse(text) if isinstance(text, str) else None for text in texts]
    if None in found:
        raise ValueError(f"`{key}` takes a list of uuids.")
    return frozenset(uid for uid in found if uid is not None)


async def files_of(db: AsyncSession, scope: Scope) -> list[uuid.UUID]:
    """The files of a scope that are there."""
    named = or_(File.uuid.in_(scope.files), File.folder_uuid.in_(scope.folders), File.library_uuid.in_(scope.libraries))
    return list(await db.scalars(select(File.uuid).where(named)))


async def passages(db: AsyncSession, workspace: uuid.UUID, scope: Scope | None, question: str, limit: int) -> list[Passage]:
    """The passages that say most about a question, the best first."""
    files = None if scope is None else await files_of(db, scope)
    if files is not None and not files:
        return []
    found = await search(await driver_connection(db), workspace, question, limit, files)
    return [Passage(one.file, one.name, one.number, one.text, one.position, one.score, one.content_type) for one in found]


async def read_on(db: AsyncSession, scope: Scope | None, file: uuid.UUID, start: int, most_characters: int) -> list[Passage]:
    """The passages of a file of the scope from one on, as far as these characters go."""
    if scope is not None and file not in await files_of(db, scope):
        return []
    query = (
        select(Chunk.number, Chunk.text, Chunk.position, File.name, File.content_type)
        .join(File, File.uuid == Chunk.file_uuid)
        .where(Chunk.file_uuid == file, Chunk.number >= start)
        .order_by(Chunk.number)
        .limit(max(most_characters // 20, 1))
    )
    read: list[Passage] = []
    for number, text, position, name, content_type in await db.execute(query):
        most_characters -= len(text)
        if most_characters < 0 and read:
            break
        read.append(Passage(file, name, number, text, position, 0, content_type))
    return read


async def missing(db: AsyncSession, files: Collection[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Of these files those that are not there."""
    known = set(await db.scalars(select(File.uuid).where(File.uuid.in_(files))))
    return sorted(set(files) - known)
