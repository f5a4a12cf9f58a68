"""The capability `document`: an agent writes documents for the person that it talks to, and changes and reads them, version by version."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.document import MAXIMUM_CONTENT, DocumentKind
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.ai.documents import versions
from cargo_ai.domains.ai.documents.versions import Draft
from cargo_ai.domains.ai.tables import Document
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

_NAMESPACE = uuid.UUID("5b0f5d0e-7a44-5d43-8f3c-6f7a0c9d1e21")
_CONTENT: JsonObject = {"type": "string", "maxLength": MAXIMUM_CONTENT}
_TITLE: JsonObject = {"type": "string", "minLength": 1, "maxLength": 500}
_UUID: JsonObject = {"type": "string", "description": "The uuid of the document."}
_CREATE = Tool(
    "create_document",
    "Writes a document that the user can read and keep: a text in Markdown, code, or a sheet in CSV; for what is longer than an answer.",
    {
        "type": "object",
        "properties": {"title": _TITLE, "kind": {"enum": ["text", "code", "sheet"]}, "content": _CONTENT},
        "required": ["title", "kind", "content"],
        "additionalProperties": False,
    },
)
_UPDATE = Tool(
    "update_document",
    "Writes another version of a document: all of its content.",
    {
        "type": "object",
        "properties": {"uuid": _UUID, "title": _TITLE, "content": _CONTENT},
        "required": ["uuid", "content"],
        "additionalProperties": False,
    },
)
_READ = Tool(
    "read_document",
    "Reads the last version of a document.",
    {"type": "object", "properties": {"uuid": _UUID}, "required": ["uuid"], "additionalProperties": False},
)


async def offer(opening: Opening, _db: AsyncSession) -> Offer:
    """Tools that write and read documents; those that write need a person whose documents they are."""
    if "document" not in opening.plan.capabilities:
        return Offer()
    documents = _Documents(opening)
    tools = [BuiltIn(_READ, documents.read)]
    if opening.user is not None:
        tools += [BuiltIn(_CREATE, documents.create, "writes"), BuiltIn(_UPDATE, documents.update, "writes")]
    return Offer(tools)


class _Documents:
    """The documents of one answer."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    async def create(self, arguments: JsonObject, key: str) -> Given:
        """A new document, whose uuid follows from the key: one for a call."""
        draft = Draft(arguments["kind"], arguments["title"], arguments["content"])
        return await self._write(uuid.uuid5(_NAMESPACE, key), draft, key)

    async def update(self, arguments: JsonObject, key: str) -> Given:
        """Another version."""
        former = await self._last(arguments["uuid"])
        if former is None:
            return _missing(arguments)
        title = arguments.get("title") or former.title or "Document"
        draft = Draft(cast("DocumentKind", former.kind), title, arguments["content"])
        return await self._write(former.document_uuid, draft, key)

    async def read(self, arguments: JsonObject, _key: str) -> Given:
        """The last version."""
        row = await self._last(arguments["uuid"])
        return _missing(arguments) if row is None else Given({"title": row.title, "kind": row.kind, "content": row.content})

    async def _last(self, text: str) -> Document | None:
        opening = self._opening
        async with opening.services.database.session(opening.workspace) as db:
            return await versions.last(db, ids.parse(text))

    async def _write(self, document: uuid.UUID, draft: Draft, key: str) -> Given:
        opening = self._opening
        if opening.user is None:
            return Given({"error": "There is no person whose document this would be."}, failed=True)
        version = uuid.uuid5(_NAMESPACE, f"version {key}")
        async with opening.services.database.session(opening.workspace) as db:
            try:
                row = await versions.write(db, opening.workspace, opening.user, document, draft, version)
            except (versions.Taken, versions.TooMany):
                return Given({"error": "The document has too many versions: write a new one."}, failed=True)
            given = {"uuid": str(row.document_uuid), "title": row.title}
            await db.commit()
        return Given(given, parts=[{"type": "data-document", "data": {**given, "kind": draft.kind}}])


def _missing(arguments: JsonObject) -> Given:
    return Given({"error": f"There is no document {arguments['uuid']}."}, failed=True)
