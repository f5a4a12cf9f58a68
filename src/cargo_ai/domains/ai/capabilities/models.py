"""Models as resources: an agent reads their records with SQL, and saves and removes records where a resource lets it.

Each resource is a table under its own slug, with its selected columns and the records that its filter matches; the rest is not there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.storage.public import scoped_write
from cargo_ai.domains.system_of_record import public as system_of_record
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool
from cargo_ai.records.catalog import Catalog
from cargo_ai.store.connections.turns import Busy
from cargo_ai.user_sql.errors import SqlRefused

MAX_ROWS = 100
"""Of one query, where the resource says no other limit."""
MAX_RECORDS = 100
"""That one call saves or removes."""
MAX_LISTED = 200
"""Columns of one table that the language model is shown."""
QUERY = "query_records"
_UNFIT, _WORD = re.compile(r"\W", re.ASCII), re.compile(r"\w+", re.ASCII)
Tables = Sequence[tuple[JsonObject, segmentation.ModelScope]]


class Unusable(Exception):
    """The resource cannot be used; the message is for people and for the language model."""


async def scope_of(db: AsyncSession, catalog: Catalog, resource: JsonObject) -> segmentation.ModelScope:
    """What an agent may see of a model. Raises Unusable."""
    uid = ids.parse(str(resource.get("modelUuid") or ""))
    columns = resource.get("selectedColumnSlugs") or None
    try:
        scope = uid and await segmentation.model_scope(db, catalog, uid, table_name(resource), resource.get("filter"), columns)
    except segmentation.InvalidFilter as error:
        raise Unusable(str(error)) from None
    if not scope:
        raise Unusable(f"there is no model {resource.get('modelUuid')}.")
    return scope


def table_name(resource: JsonObject) -> str:
    """The name of a resource in SQL: its slug with `_` for what a plain name cannot have."""
    name = _UNFIT.sub("_", resource["slug"]).lower()
    return f"t_{name}" if name[0].isdigit() or name.startswith(("models_", "datasets_")) else name


async def offer(opening: Opening, db: AsyncSession) -> Offer:
    """A tool that queries all of the answer's models, and tools that write into each that may be written."""
    resources = [resource for resource in opening.plan.resources if resource["kind"] == "model"]
    if not resources:
        return Offer()
    tables, problems = await _open(db, opening.workspace, resources)
    if not tables:
        return Offer(problems=problems)
    tools = [BuiltIn(_query_tool(tables), partial(_query, opening, resources))]
    for resource, scope in tables:
        if not resource.get("isReadOnly", True):
            approval = bool(resource.get("requiresApproval"))
            writes = _Writes(opening, resource)
            tools.append(BuiltIn(_save_tool(resource, scope), writes.save, "writes", approval))
            tools.append(BuiltIn(_remove_tool(resource), writes.remove, "deletes", approval))
    return Offer(tools, [_description(tables)], problems)


async def _open(db: AsyncSession, workspace: uuid.UUID, resources: Sequence[JsonObject]) -> tuple[Tables, list[str]]:
    """The tables of resources, and what is wrong with the others."""
    catalog = await storage.catalog(db, workspace)
    tables: list[tuple[JsonObject, segmentation.ModelScope]] = []
    notes: list[str] = []
    for resource in resources:
        try:
            scope = await scope_of(db, catalog, resource)
        except Unusable as error:
            notes.append(f"The records of {resource['slug']} cannot be used: {error}")
            continue
        if any(scope.table.slug == known.table.slug for _, known in tables):
            notes.append(f"The records of {resource['slug']} cannot be used: another resource has the same name in SQL.")
            continue
        tables.append((resource, scope))
    return tables, notes


def _description(tables: Tables) -> str:
    lines = ["These tables hold records of the workspace (see the tool query_records):"]
    for resource, scope in tables:
        columns = ", ".join(f'"{column.slug}" {column.type}' for column in scope.table.columns[:MAX_LISTED])
        said = [str(resource[key]) for key in ("description", "prompt") if resource.get(key)]
        lines.append(f"- {scope.table.slug} ({columns}){': ' if said else ''}{' '.join(said)}")
    return "\n".join(lines)


def _query_tool(tables: Tables) -> Tool:
    names = ", ".join(scope.table.slug for _, scope in tables)
    return Tool(
        QUERY,
        f"Runs one SELECT of PostgreSQL on the tables {names}; gives {MAX_ROWS} rows at most, so aggregate and filter in SQL.",
        {
            "type": "object",
            "properties": {"sql": {"type": "string", "minLength": 1, "maxLength": 20_000}},
            "required": ["sql"],
            "additionalProperties": False,
        },
    )


async def _query(opening: Opening, resources: Sequence[JsonObject], arguments: JsonObject, _key: str) -> Given:
    services, workspace = opening.services, opening.workspace
    async with services.database.session(workspace) as db:
        tables, _ = await _open(db, workspace, resources)
        role = (await storage.catalog(db, workspace)).role
    catalog = Catalog(workspace, role, tuple(scope.table for _, scope in tables))
    words = set(_WORD.findall(arguments["sql"].lower()))
    limits = [resource.get("limit") or MAX_ROWS for resource, scope in tables if scope.table.slug in words]
    try:
        page = await system_of_record.fetch_tables(services, opening.user, arguments["sql"], catalog, limit=min(limits, default=MAX_ROWS))
    except (SqlRefused, Busy, Refusal) as error:
        return Given({"error": str(error)}, failed=True)
    more = {"note": "There are more rows than these."} if page.more else {}
    return Given({"rows": page.rows, **more})


def _save_tool(resource: JsonObject, scope: segmentation.ModelScope) -> Tool:
    columns = sorted(_writable(scope))
    return Tool(
        f"save_{table_name(resource)}",
        f"Adds records to {table_name(resource)}, and changes those that have the same {scope.model.id_column}.",
        {
            "type": "object",
            "properties": {
                "records": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_RECORDS,
                    "items": {"type": "object", "propertyNames": {"enum": columns}, "minProperties": 1},
                }
            },
            "required": ["records"],
            "additionalProperties": False,
        },
    )


def _remove_tool(resource: JsonObject) -> Tool:
    ids_schema = {"type": "array", "minItems": 1, "maxItems": MAX_RECORDS, "items": {"type": "string", "minLength": 1}}
    return Tool(
        f"remove_{table_name(resource)}",
        f"Removes records of {table_name(resource)} by their _id.",
        {"type": "object", "properties": {"ids": ids_schema}, "required": ["ids"], "additionalProperties": False},
    )


def _writable(scope: segmentation.ModelScope) -> set[str]:
    """The columns that may be written, and those that say which record is meant."""
    inside = {column.slug for column in scope.model.columns if column.writable and column.slug in scope.columns}
    return {*inside, "_id", scope.model.id_column}


@dataclass(frozen=True, slots=True)
class _Writes:
    """The writes into one resource."""

    opening: Opening
    resource: JsonObject

    async def save(self, arguments: JsonObject, key: str) -> Given:
        """Add and change records."""
        settings, records = self.opening.services.settings, arguments["records"]
        return await self._write(key, lambda db, scope, author: scoped_write.save(db, settings, scope, records, author))

    async def remove(self, arguments: JsonObject, key: str) -> Given:
        """Remove records."""
        settings, uids = self.opening.services.settings, list(dict.fromkeys(arguments["ids"]))
        return await self._write(key, lambda db, scope, author: scoped_write.remove(db, settings, scope, uids, author))

    async def _write(self, key: str, act: _Act) -> Given:
        opening = self.opening
        author = scoped_write.Author(opening.workspace, opening.user, f"chat {opening.chat}", key)
        async with opening.services.database.session(opening.workspace) as db:
            try:
                scope = await scope_of(db, await storage.catalog(db, opening.workspace), self.resource)
                inside = partial(segmentation.within, db, scope)
                written = await act(db, scoped_write.Scope(scope.model, _writable(scope), inside), author)
            except (Unusable, scoped_write.NotWritten, segmentation.InvalidFilter, Busy, Refusal) as error:
                return Given({"error": str(error)}, failed=True)
            await db.commit()
        counts = {"added": written.added, "updated": written.updated, "removed": written.removed}
        undo = {} if written.change_set is None else {"changeSetUuid": str(written.change_set)}
        return Given({name: count for name, count in counts.items() if count} | {"ids": list(written.ids)} | undo)


_Act = Callable[[AsyncSession, scoped_write.Scope, scoped_write.Author], Awaitable[scoped_write.Written]]
