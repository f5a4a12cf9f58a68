"""`modelSearch`: the records of a model that a filter matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from sqlglot import exp

from cargo_ai.actions.config.values import Schema, is_constant, output, schema
from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation.filter import Filter, Sort
from cargo_ai.domains.storage.actions.model_nodes.config import COUNT, MODEL
from cargo_ai.domains.storage.actions.model_nodes.inspect import inspect, model_of, record_of
from cargo_ai.domains.storage.actions.model_nodes.transaction import ModelNodes, Task
from cargo_ai.domains.storage.filter_scopes import build_scope
from cargo_ai.engine.graph.action import Action, Call, Config, Done, InvalidConfig, Models, Outcome, Perform
from cargo_ai.engine.graph.check.finding import Finding, suggest
from cargo_ai.engine.graph.check.settled import settle
from cargo_ai.kernel.wire import errors_of
from cargo_ai.records import rows
from cargo_ai.records.filter import compile, terms
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store.driver import driver_connection, fetch
from cargo_ai.user_sql.run import conditions

MOST = 1_000
_SORT: TypeAdapter[Sort] = TypeAdapter(Sort)


async def search_records(task: Task) -> Outcome:
    """`{record, records, count}`: the first, those up to the limit (100 by default), and how many match in all."""
    config = task.config
    try:
        filter = Filter.model_validate(config.get("filter") or {"conjonction": "and", "groups": []})
        sort = _SORT.validate_python(config.get("sort") or [])
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidConfig(f"The filter or sort is not valid: {first['path']}: {first['message']}.") from None
    limit = _limit(config.get("limit"))
    scope = await build_scope(task.services, task.db, task.catalog, filter)
    try:
        where = await conditions.compile_filter(filter, task.relation, "t", scope)
        order = compile.compile_sort(sort, task.relation, "t")
    except InvalidFilter as fault:
        raise InvalidConfig(str(fault)) from None
    source = terms.view(task.relation, "t")
    columns: list[exp.Expr] = [terms.column_ref("t", column.slug) for column in rows.all_columns(task.relation)]
    page = exp.Select(expressions=columns).from_(source).where(where).order_by(*order).limit(limit)
    count = exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(source.copy()).where(where.copy())
    connection = await driver_connection(task.db)
    try:
        async with conditions.limit(task.services.database.turns, connection, scope):
            records = rows.to_records(task.relation, await fetch(connection, terms.to_sql(page), scope.params))
            matching: int = (await fetch(connection, terms.to_sql(count), scope.params))[0][0]
    except InvalidFilter as fault:
        raise InvalidConfig(str(fault)) from None
    title = f"✅ {matching:,} {'record' if matching == 1 else 'records'} found" if matching else "❌ No record found"
    output = {"record": records[0] if records else None, "records": records, "count": matching}
    return Done(output, title, warnings=tuple(scope.warnings))


def _limit(value: Any) -> int:
    if value is None:
        return 100
    try:
        limit = int(value)
    except (TypeError, ValueError):
        raise InvalidConfig(f"`limit` must be a number from 1 to {MOST:,}.") from None
    if not 1 <= limit <= MOST:
        raise InvalidConfig(f"`limit` must be a number from 1 to {MOST:,}, not {limit:,}.")
    return limit


def inspect_search(config: Config, models: Models) -> Iterator[Finding]:
    """The model, the form of a filter that is known, and the columns that filter and order name."""
    yield from inspect(config, models)
    relation = model_of(config, models)
    filter, order = settle(config.get("filter")), settle(config.get("sort"))
    if isinstance(filter, Mapping) and is_constant(cast("object", filter)):
        try:
            Filter.model_validate(filter)
        except ValidationError as failure:
            first = errors_of(failure)[0]
            yield Finding(f"config.filter.{first['path']}", f"`filter.{first['path']}` {first['message']}.")
            return
    if relation is None:
        return
    conditions = _conditions(cast("Mapping[str, Any]", filter), "config.filter") if isinstance(filter, Mapping) else ()
    sorts = cast("list[Any]", order) if isinstance(order, list) else []
    for path, condition in (*conditions, *((f"config.sort[{at}]", key) for at, key in enumerate(sorts))):
        if not isinstance(condition, Mapping) or cast("Mapping[str, Any]", condition).get("relatedModelUuid") is not None:
            continue
        slug = settle(cast("Mapping[str, Any]", condition).get("columnSlug"))
        if isinstance(slug, str) and relation.column(slug) is None:
            meant = suggest(slug, [column.slug for column in relation.columns])
            yield Finding(f"{path}.columnSlug", f"{slug} is no column of {relation.slug}.{meant}")


def _conditions(filter: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    groups: object = filter.get("groups")
    for at, group in enumerate(cast("list[Any]", groups) if isinstance(groups, list) else []):
        inside: object = cast("Mapping[str, Any]", group).get("conditions") if isinstance(group, Mapping) else None
        for number, condition in enumerate(cast("list[Any]", inside) if isinstance(inside, list) else []):
            yield f"{path}.groups[{at}].conditions[{number}]", condition


def _search_outputs(config: Config, models: Models) -> Schema:
    record = record_of(config, models)
    return output({"record": record, "records": {"type": "array", "items": record}, "count": COUNT}, ("record", "records", "count"))


def _performer(services: Services) -> Perform:
    search = ModelNodes(services).performing(search_records)

    async def perform(call: Call) -> Outcome:
        # Before there is a connection, so that none is held by what waits.
        async with services.database.turns.take(call.workspace):
            return await search(call)

    return perform


ACTION: Action[Call] = Action(
    slug="modelSearch",
    name="Search records",
    description="Finds the records of a model that a filter matches.",
    does="acts",
    category="storage",
    icon="database-search",
    config_schema=schema(
        {
            "modelUuid": MODEL,
            "filter": {"type": "object"},
            "sort": {"type": "array"},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100},
        },
        ("modelUuid",),
    ),
    output_schema=_search_outputs({}, {}),
    outputs=_search_outputs,
    inspect=inspect_search,
    idempotency="reads",
    performer=_performer,
)
