"""Usage: what a workspace has used by day, of each unit, and by workflow, connector, integration, agent and more."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, WithJsonSchema, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Wire

UsageUnit = Literal["billing.credits", "storage.records", "orchestration.executions"]
GroupBy = Literal[
    "integration_slug",
    "connector_uuid",
    "model_uuid",
    "workflow_uuid",
    "agent_uuid",
    "action_slug",
    "user_uuid",
    "batch_uuid",
    "day",
]
MAX_DAYS = 1_100
"""A question covers three years at most."""
MAX_ITEMS = 50_000

_TIMESTAMP = TypeAdapter(datetime)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_DAY = "must be a date or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z"
_UNITS = {"credits": "billing.credits", "executions": "orchestration.executions", "records": "storage.records"}
_GROUPS = {"date": "day"} | {
    group.partition("_")[0]: group
    for group in (
        "integration_slug",
        "connector_uuid",
        "model_uuid",
        "workflow_uuid",
        "agent_uuid",
        "action_slug",
        "user_uuid",
        "batch_uuid",
    )
}


def _unit(value: Any) -> Any:
    """`credits` is how the older documents spell `billing.credits`."""
    return _UNITS.get(value, value) if isinstance(value, str) else cast("object", value)


def _group(value: Any) -> Any:
    """`workflow`, `workflowUuid` and `workflow-uuid` mean `workflow_uuid`."""
    if not isinstance(value, str):
        return cast("object", value)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in value).replace("-", "_")
    return _GROUPS.get(snake, snake)


def _timestamp(text: str) -> datetime:
    try:
        timestamp = _TIMESTAMP.validate_python(text)
        return timestamp if timestamp.tzinfo is None else timestamp.astimezone(UTC)
    except (ValidationError, OverflowError):
        raise ValueError(_NO_DAY) from None


def _first_day(value: Any) -> Any:
    return _timestamp(value).date() if isinstance(value, str) else cast("object", value)


def _last_day(value: Any) -> Any:
    """The day of a date; of a time, the last day that has begun before it: midnight ends a month without beginning the next."""
    if not isinstance(value, str):
        return cast("object", value)
    timestamp = _timestamp(value)
    try:
        return timestamp.date() if _DATE.fullmatch(value) else (timestamp - timedelta(microseconds=1)).date()
    except OverflowError:
        raise ValueError(_NO_DAY) from None


_DAY = {"type": "string", "format": "date"}
Unit = Annotated[UsageUnit, BeforeValidator(_unit), WithJsonSchema({"type": "string", "enum": [*get_args(UsageUnit), *_UNITS]})]
Group = Annotated[GroupBy, BeforeValidator(_group), WithJsonSchema({"type": "string", "enum": [*get_args(GroupBy), *_GROUPS]})]
FirstDay = Annotated[date, BeforeValidator(_first_day), WithJsonSchema(_DAY)]
LastDay = Annotated[date, BeforeValidator(_last_day), WithJsonSchema(_DAY)]
Label = Annotated[str, Field(min_length=1, max_length=300)]


class GetMetrics(Wire):
    """The days, the unit, what to group by, and what to look at: all filters must hold."""

    since: FirstDay = Field(alias="from", description="The first day, such as 2026-01-01. Days are those of UTC.")
    until: LastDay = Field(alias="to", description="The last day, included, such as 2026-01-31; today counts up to now.")
    group_by: Group | None = Field(default=None, description="Count separately by this.")
    unit: Unit | None = Field(default=None, description="Only this unit; `credits` is short for billing.credits. All three by default.")
    workflow_uuid: Label | None = Field(default=None, description="Only usage of this workflow.")
    model_uuid: Label | None = Field(default=None, description="Only usage of this model.")
    connector_uuid: Label | None = Field(default=None, description="Only usage through this connector.")
    integration_slug: Label | None = Field(default=None, description="Only usage of this integration, such as hunter.")
    slug: Label | None = Field(
        default=None, description="Only what is counted under this slug, such as integration.hunter.action.findEmail or error."
    )
    agent_uuid: Label | None = Field(default=None, description="Only usage of this agent.")
    user_uuid: Label | None = Field(default=None, description="Only usage of runs that this user started.")
    batch_uuid: Label | None = Field(default=None, description="Only usage of this batch.")

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        if self.until < self.since:
            raise ValueError(f"`to` ({self.until}) is before `from` ({self.since})")
        if (self.until - self.since).days >= MAX_DAYS:
            raise ValueError(f"`from` to `to` may be {MAX_DAYS:,} days at most: ask for each year")
        return self


class UsageItem(Wire):
    """What was used on one day. `slug`: what was counted, such as `integration.hunter.action.findEmail`, `success`, `insert`. `groupBy`: of
    which workflow, connector, … it is; null where none was asked for, or it belongs to none. `groupName`: what that is called, also when it
    has been removed. `unit`: what `count` is a number of."""

    slug: str
    count: Number
    group_by: str | None
    unit: UsageUnit
    group_name: str | None = None


class UsageMetric(Wire):
    """The usage of one day."""

    date: Timestamp
    items: list[UsageItem]


class MetricsReply(Wire):
    """One entry for each day with usage. `totalUsage`: the sum in the unit that was asked for, in credits where none was."""

    metrics: list[UsageMetric]
    total_usage: Number


Reason = Literal["tooManyItems"]

get_metrics: Operation[GetMetrics, MetricsReply, Reason] = operations.add(
    Operation(
        "billing.usage.getMetrics",
        "GET",
        "/billing/usage/metrics",
        request=GetMetrics,
        response=MetricsReply,
        summary="Show what was used by day: credits, node executions and new records.",
        permission="billing:read",
        refusals={
            "tooManyItems": refusal(400, "This has more than {most} items: ask for fewer days, one unit, or what a filter leaves."),
        },
        cli=Cli(
            series=("metrics", "items"),
            examples=(
                "cargo-ai billing usage get-metrics --from 2026-01-01 --to 2026-01-31 --unit credits --group-by workflow_uuid",
                "cargo-ai billing usage get-metrics --from 2026-01-01 --to 2026-01-31 --unit credits --chart",
                "cargo-ai billing usage get-metrics --from 2026-01-01 --to 2026-01-31 --output csv > usage.csv",
            ),
        ),
    )
)
