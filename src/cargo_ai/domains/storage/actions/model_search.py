"""`modelSearch`: the records of a model that a filter matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError

from cargo_ai.actions.config.values import Schema, is_constant, output, schema
from cargo_ai.context.process import Services
from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.domains.storage.actions.model_nodes.config import COUNT, MODEL
from cargo_ai.domains.storage.actions.model_nodes.group_search import GroupedSearches
from cargo_ai.domains.storage.actions.model_nodes.inspect import inspect, model_of, record_of
from cargo_ai.domains.storage.actions.model_nodes.search import MAX
from cargo_ai.engine.graph.action import Action, Call, Config, Models, Perform
from cargo_ai.engine.graph.check.finding import Finding, suggest
from cargo_ai.engine.graph.check.settled import settle
from cargo_ai.kernel.wire import errors_of


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
            yield Finding(f"{path}.columnSlug", f"{slug} is not a column of {relation.slug}.{meant}")


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
    return services.once(GroupedSearches, lambda: GroupedSearches(services)).perform


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
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX, "default": 100},
        },
        ("modelUuid",),
    ),
    output_schema=_search_outputs({}, {}),
    outputs=_search_outputs,
    inspect=inspect_search,
    idempotency="reads",
    performer=_performer,
)
