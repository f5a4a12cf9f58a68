"""Files as resources, and the capability `fileSearch`: an agent searches in texts and reads on from what it has found.

Without any of `fileUuids`, `folderUuids` and `libraryUuids` in its config, the capability searches all files of the workspace.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.content import public as content
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

SEARCH, READ = "search_files", "read_file"
MAX_PASSAGES = 15
USUAL = 6
MAX_READ = 8_000
"""Characters that one call reads."""
_WORDS_ALONE = "searchedByWordsAlone"
_NOTE = """You can search in files (search_files). Answer from what you find there, and name the source of each statement as the tool gives
it, such as (handbook.pdf, page 2). Where the files do not say it, say so. read_file reads on from a passage."""


class Unusable(ValueError):
    """The files cannot be searched; the message is for people and for the language model."""


def scope_of(resources: list[JsonObject], capability: JsonObject | None) -> content.Scope | None:
    """The files that an answer may search in; None: all of the workspace. Raises Unusable."""
    files, folders = set[uuid.UUID](), set[uuid.UUID]()
    libraries: frozenset[uuid.UUID] = frozenset()
    if capability is not None:
        try:
            given = content.scope_of(capability)
        except ValueError as error:
            raise Unusable(str(error)) from None
        if given is None and not resources:
            return None
        if given is not None:
            files, folders, libraries = set(given.files), set(given.folders), given.libraries
    for resource in resources:
        for item in resource["items"]:
            key, into = ("fileUuid", files) if item["kind"] == "file" else ("folderUuid", folders)
            uid = ids.parse(str(item.get(key) or ""))
            if uid is None:
                raise Unusable(f"an item of kind {item['kind']} needs `{key}`.")
            into.add(uid)
    return content.Scope(frozenset(files), frozenset(folders), libraries)


async def check(db: AsyncSession, resource: JsonObject) -> None:
    """Refuse a resource that names a file that is not there. Raises Unusable."""
    scope = scope_of([resource], None)
    if scope is None or not (scope.files or scope.folders):
        raise Unusable("it names no file and no folder.")
    for missing in await content.missing(db, scope.files):
        raise Unusable(f"there is no file {missing}.")


async def check_capability(db: AsyncSession, config: JsonObject) -> None:
    """Refuse a config that names a file that is not there. Raises Unusable."""
    scope = scope_of([], config)
    for missing in await content.missing(db, scope.files) if scope is not None else ():
        raise Unusable(f"there is no file {missing}.")


async def offer(opening: Opening, _db: AsyncSession) -> Offer:
    """Tools to search, and to read on."""
    resources = [resource for resource in opening.plan.resources if resource["kind"] == "file"]
    capability = opening.plan.capabilities.get("fileSearch")
    if not resources and capability is None:
        return Offer()
    try:
        files = _Files(opening, scope_of(resources, capability))
    except Unusable as error:
        return Offer(problems=[f"Files cannot be searched: {error}"])
    about = [
        f"- {resource['slug']}: {' '.join(str(resource[key]) for key in ('name', 'description', 'prompt') if resource.get(key))}"
        for resource in resources
    ]
    note = "\n".join([_NOTE, *(["The files:", *about] if about else [])])
    return Offer([BuiltIn(_SEARCH, files.search), BuiltIn(_READ, files.read)], [note])


_SEARCH = Tool(
    SEARCH,
    "Finds the passages of the files that say most about a question, by the words in it: try other words where nothing fits.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "maxLength": 2_000},
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PASSAGES},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
)
_READ = Tool(
    READ,
    f"Reads {MAX_READ:,} characters of a file at most, from the passage with this number on.",
    {
        "type": "object",
        "properties": {"fileUuid": {"type": "string"}, "number": {"type": "integer", "minimum": 0}},
        "required": ["fileUuid"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one answer."""

    opening: Opening
    scope: content.Scope | None

    async def search(self, arguments: JsonObject, _key: str) -> Given:
        """The best passages, each of which is a source of the answer."""
        opening, limit = self.opening, arguments.get("limit") or USUAL
        findings = await content.find_passages(opening.services, opening.workspace, self.scope, arguments["query"], limit)
        parts = (
            [] if findings.warning is None else [{"type": "data-warning", "data": {"reason": _WORDS_ALONE, "message": findings.warning}}]
        )
        if not findings.passages:
            return Given({"passages": [], "note": "No file has any of these words."}, parts=parts)
        sources = [_source(passage) for passage in findings.passages]
        return Given({"passages": [_shown(passage) for passage in findings.passages]}, parts=[*parts, *sources])

    async def read(self, arguments: JsonObject, _key: str) -> Given:
        """A part of a file."""
        opening, start = self.opening, int(arguments.get("number") or 0)
        file = ids.parse(arguments["fileUuid"])
        async with opening.services.database.session(opening.workspace) as db:
            passages = [] if file is None else await content.read_on(db, self.scope, file, start, MAX_READ)
        if not passages:
            return Given({"error": f"There is no passage {start} of a file {arguments['fileUuid']} here."}, failed=True)
        result = {"passages": [_shown(passage) for passage in passages], "next": passages[-1].number + 1}
        return Given(result, parts=[_source(passages[0])])


def _shown(passage: content.Passage) -> JsonObject:
    shown = passage.to_json()
    return {name: shown[name] for name in ("source", "text", "fileUuid", "number")}


def _source(passage: content.Passage) -> JsonObject:
    """The part of the answer that cites a passage."""
    return {
        "type": "source-document",
        "sourceId": f"{passage.file}#{passage.number}",
        "mediaType": passage.content_type,
        "title": passage.source,
        "filename": passage.name,
        "providerMetadata": {"cargo": {"fileUuid": str(passage.file), "number": passage.number, "position": passage.position}},
    }
