"""Passages: what is found in some of a workspace's files, with a source that a person can look up."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.embedding import embedders
from cargo_ai.domains.content.retrieval import hybrid
from cargo_ai.domains.content.retrieval.hybrid import Meaning
from cargo_ai.domains.content.retrieval.search import Found, search
from cargo_ai.domains.content.tables import Chunk, Embedder, File
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

Json = Any
_LONGEST_EMBEDDED = 2_000
"""Characters of a question that are embedded."""
_SECONDS = 15.0


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


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, the best first. warning: why it was searched by words alone, though the workspace has an embedder."""

    passages: Sequence[Passage]
    warning: str | None = None


async def find_passages(services: Services, workspace: uuid.UUID, scope: Scope | None, question: str, limit: int) -> Findings:
    """The passages that say most about a question: by words, and by meaning where every passage of the scope has a vector."""
    async with services.database.session(workspace) as db:
        embedder = await embedders.find(db)
        files = None if scope is None or embedder is None else await files_of(db, scope)
        if embedder is None or files == []:
            return Findings(await passages(db, workspace, scope, question, limit))
        warning = await _lacking(db, embedder, files)
    meaning = None
    if warning is None:
        # No connection of the database is held while the service is asked.
        try:
            meaning = await _meaning(services, workspace, embedder, question)
        except connection.NotEmbedded as error:
            warning = f"Searched by words alone, for the question could not be embedded: {error}"
    async with services.database.session(workspace) as db:
        # A file may have come meanwhile, or another embedder.
        now = await embedders.find(db)
        if meaning is not None and (now is None or now.generation != meaning.generation or await _lacking(db, now, files) is not None):
            meaning, warning = None, "Searched by words alone, for passages are being embedded."
        if meaning is None:
            return Findings(await passages(db, workspace, scope, question, limit), warning)
        found = await hybrid.find(await driver_connection(db), workspace, question, meaning, limit, files)
        return Findings([_passage(one) for one in found])


async def _lacking(db: AsyncSession, embedder: Embedder, files: Sequence[uuid.UUID] | None) -> str | None:
    """A sentence where passages lack vectors: half of them would hide the others."""
    progress = await embedders.progress(db, embedder, files)
    if progress.is_complete:
        return None
    why = embedder.error_message or "the rest follows in the background."
    return f"Searched by words alone: {progress.embedded:,} of {progress.chunks:,} passages are embedded; {why}"


async def _meaning(services: Services, workspace: uuid.UUID, embedder: Embedder, question: str) -> Meaning:
    service = await connection.embedding_service(services, workspace, embedder.connector_uuid)
    async with services.database.session(workspace) as db:
        await embedders.check_credits(db, workspace, service)
    text = question.strip()[:_LONGEST_EMBEDDED] or "?"
    embedded = await service.embed(embedder.model, [text], dimensions=embedder.dimensions, seconds=_SECONDS)
    if service.costs:
        async with services.database.session(workspace) as db:
            await embedders.charge(db, workspace, service, embedded.tokens)
            await db.commit()
    return Meaning(embedder.generation, embedded.vectors[0])


async def passages(db: AsyncSession, workspace: uuid.UUID, scope: Scope | None, question: str, limit: int) -> list[Passage]:
    """The passages whose words say most about a question, the best first."""
    files = None if scope is None else await files_of(db, scope)
    if files is not None and not files:
        return []
    return [_passage(found) for found in await search(await driver_connection(db), workspace, question, limit, files)]


def _passage(found: Found) -> Passage:
    return Passage(found.file, found.name, found.number, found.text, found.position, found.score, found.content_type)


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
