"""Indexes of models: list and remove them; workers create them while reads and writes continue."""

from __future__ import annotations

import uuid
from typing import Any, cast

import psycopg
from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.segmentation.filter import EVERYTHING, Filter, Sort
from cargo_ai.contract.storage import index as contract
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.domains.storage.tables import Model
from cargo_ai.engine.dispatch.queue import goes_on, producer
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import ByUuid, Removed
from cargo_ai.records import indexes
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.indexes import ExistingIndex, Index
from cargo_ai.records.views import join_columns
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import Database, with_options

TASK = "storage.index"
MAX_INDEXES = 20
_BUILD_MEMORY = "256MB"
_MODELS = "cargo-ai storage model list"


@handles(contract.get_all)
async def get_all(ctx: Context, request: ByUuid) -> contract.IndexesReply:
    """The indexes that exist and those that are being built."""
    row = await model.find(ctx.db, request.uuid)
    row = found_or_refuse(contract.get_all, row, "modelNotFound", uuid=request.uuid, fix=_MODELS)
    return await _list_indexes(ctx.db, await _relation(ctx, row))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateIndex) -> contract.IndexesReply:
    """Have a worker build indexes; one that exists stays as it is."""
    row = await model.find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.create, row, "modelNotFound", uuid=request.uuid, fix=_MODELS)
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = _relation_in(catalog, row)
    connection = await driver_connection(ctx.db)
    present = {index.name: index for index in await indexes.list_indexes(connection, relation)}
    coming = {str(args["name"]) for args, _ in await _jobs(connection, relation)}
    for index in await _requested_indexes(ctx, catalog, relation, request):
        name = index.name(relation)
        if (name in present and present[name].valid) or name in coming:
            continue
        if len(present.keys() | coming) >= MAX_INDEXES:
            problem = f"A model has at most {MAX_INDEXES} indexes: each one makes writing slower."
            contract.create.refuse("indexNotPossible", problem=problem)
        args = {"kind": index.kind, "columns": list(index.columns), "descending": index.descending}
        await producer().defer(connection, TASK, "batch", workspace=str(ctx.workspace), model=str(row.uuid), name=name, **args)
        coming.add(name)
    return await _list_indexes(ctx.db, relation)


async def _requested_indexes(ctx: Context, catalog: Catalog, relation: Relation, request: contract.CreateIndex) -> list[Index]:
    """The indexes that a request names or its filter needs, after checking that each is possible."""
    connection = await driver_connection(ctx.db)
    if request.column_slugs is not None:
        if request.filter is not None or request.sort is not None:
            raise invalid_input([{"path": "columnSlugs", "message": "cannot go with a filter, which chooses the columns itself"}])
        plain = [column.slug if (column := relation.column(slug)) else slug for slug in request.column_slugs]
        index = Index(request.kind, tuple(dict.fromkeys(plain)))
        problem = indexes.index_problem(relation, index)
        if problem is None and index.kind == "values" and (long := await indexes.long_texts(connection, relation, index.columns)):
            problem = f"{', '.join(long)} has texts of more than {indexes.MAX_TEXT_BYTES} bytes, which an index of values cannot hold."
        if problem is not None:
            contract.create.refuse("indexNotPossible", problem=problem)
        return [index]
    if request.filter is None and request.sort is None:
        raise invalid_input([{"path": "columnSlugs", "message": "is missing: name columns, or a filter or a sort"}])
    needed: list[Index] = []
    for one in indexes.indexes_for(request.filter or EVERYTHING, request.sort or [], relation, join_columns(catalog, relation)):
        long = await indexes.long_texts(connection, relation, one.columns) if one.kind != "text" else []
        if (left := indexes.without_columns(one, long)) is not None:
            needed.append(left)
    if not needed:
        problem = "No index would make this filter faster: one helps where all conditions must hold and some compare stored columns."
        contract.create.refuse("indexNotPossible", problem=problem)
    return needed


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveIndex) -> Removed:
    """Remove an index."""
    row = await model.find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.remove, row, "modelNotFound", uuid=request.uuid, fix=_MODELS)
    relation = await _relation(ctx, row)
    connection = await driver_connection(ctx.db)
    if request.name in {str(args["name"]) for args, _ in await _jobs(connection, relation)}:
        contract.remove.refuse("indexIsBeingMade")
    if request.name not in {one.name for one in await indexes.list_indexes(connection, relation)}:
        contract.remove.refuse("indexNotFound", name=request.name, fix=f"cargo-ai storage model list-indexes {row.uuid}")
    await definition.alter_tables(ctx.db, [indexes.drop(relation, request.name)])
    return Removed(uuid=str(row.uuid))


async def propose_index(db: AsyncSession, catalog: Catalog, relation: Relation, filter: Filter, sort: Sort) -> str | None:
    """The command that creates an index for a filter; None when none would help or it exists already."""
    connection = await driver_connection(db)
    present = {one.index for one in await indexes.list_indexes(connection, relation)}
    coming = {str(args["name"]) for args, _ in await _jobs(connection, relation)}
    for one in indexes.indexes_for(filter, sort, relation, join_columns(catalog, relation)):
        long = await indexes.long_texts(connection, relation, one.columns) if one.kind == "values" else []
        index = indexes.without_columns(one, long)
        if index is None or index.kind == "order" or index in present or index.name(relation) in coming:
            continue
        kind = " --kind text" if index.kind == "text" else ""
        return f"cargo-ai storage model create-index {relation.model}{kind} --column-slugs {','.join(index.columns)}"
    return None


async def _relation(ctx: Context, row: Model) -> Relation:
    return _relation_in(await model_catalog.catalog(ctx.db, ctx.workspace), row)


def _relation_in(catalog: Catalog, row: Model) -> Relation:
    relation = catalog.by_model(row.uuid)
    assert relation is not None, "a model that was not removed is in the catalog of its workspace"
    return relation


async def _jobs(connection: driver.Connection, relation: Relation) -> list[tuple[dict[str, Any], str]]:
    """The arguments and states of the jobs that build indexes of this model."""
    query = (
        "select args, status::text from procrastinate_jobs where task_name = %s and status in ('todo', 'doing') "
        "and args ->> 'model' = %s order by id"
    )
    rows = await driver.fetch(connection, query, [TASK, str(relation.model)])
    return [(cast("dict[str, Any]", args), str(status)) for args, status in rows]


async def _list_indexes(db: AsyncSession, relation: Relation) -> contract.IndexesReply:
    connection = await driver_connection(db)
    jobs = {str(args["name"]): (args, status) for args, status in await _jobs(connection, relation)}
    every = [_to_response(one) for one in await indexes.list_indexes(connection, relation) if one.name not in jobs]
    every += [_job_to_response(name, args, status) for name, (args, status) in jobs.items()]
    statuses = {index.status for index in every}
    is_building, has_failed = bool(statuses & {"pending", "building"}), "failed" in statuses
    status = "building" if is_building else "failed" if has_failed else "ready"
    return contract.IndexesReply(indexes=every, build=contract.IndexBuild(model_uuid=str(relation.model), status=status))


def _to_response(one: ExistingIndex) -> contract.Index:
    return contract.Index(
        name=one.name,
        kind=one.index.kind,
        column_slugs=list(one.index.columns),
        is_descending=one.index.descending,
        status="ready" if one.valid else "failed",
        error_message=one.error,
        size_bytes=one.bytes,
        uses_count=one.uses,
    )


def _job_to_response(name: str, args: dict[str, Any], status: str) -> contract.Index:
    return contract.Index(
        name=name,
        kind=args["kind"],
        column_slugs=args["columns"],
        is_descending=args["descending"],
        status="building" if status == "doing" else "pending",
        error_message=None,
        size_bytes=0,
        uses_count=0,
    )


class IndexJob:
    """The job. After a crash or a stop it drops the half-built index that was left and builds it again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @goes_on
    async def run(self, workspace: str, model: str, name: str, kind: indexes.IndexKind, columns: list[str], descending: bool) -> None:
        """Build one index; does nothing when the model or a column is gone."""
        here, uid, index = uuid.UUID(workspace), ids.parse(model), Index(kind, tuple(columns), descending)
        async with self._database.session(here) as db:
            relation = (await model_catalog.catalog(db, here)).by_model(uid) if uid else None
        if relation is None or indexes.index_problem(relation, index) is not None:
            return
        url = with_options(self._database.url, application_name="cargo-ai indexes")
        link = await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5)
        async with link:
            await driver.execute(link, f"set maintenance_work_mem = '{_BUILD_MEMORY}'")
            # Of two workers on one index the second waits here, and then finds it built.
            await driver.fetch(link, "select pg_advisory_lock(hashtextextended(%s, 12))", [name])
            await _build(link, relation, index, name)


async def _build(link: driver.Connection, relation: Relation, index: Index, name: str) -> None:
    query = (
        "select i.indisvalid from pg_index as i join pg_class as c on c.oid = i.indexrelid "
        "join pg_namespace as n on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s"
    )
    state = await driver.value(link, query, [relation.schema, name])
    error: str | None = None
    if not state:
        await driver.execute(link, indexes.drop(relation, name, concurrently=True))
        try:
            await driver.execute(link, index.create(relation))
        except errors.ProgramLimitExceeded as fault:
            error = str(fault.diag.message_primary)
        except (errors.UndefinedTable, errors.UndefinedColumn):
            return
    await driver.execute(link, indexes.comment_statement(relation, name, index, error))
    if error is None:
        # A vacuum also marks pages as visible to all, which index-only scans need.
        await driver.execute(link, indexes.vacuum_statement(relation))
