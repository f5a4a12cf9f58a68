"""Dry runs: what a batch would do, cost and take, without any effect."""

from __future__ import annotations

from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.kernel.wire import Uuid, Wire


class NodeForecast(Wire):
    """How often a node would be executed: at least, at most, and expected. `executionsExpected` is null where unknown answers decide the
    route; otherwise only the shares of splits do. `path` includes groups and tools, such as `group.node`."""

    path: str
    node_uuid: Uuid
    node_slug: str
    executions_min: int
    executions_max: int
    executions_expected: Number | None
    credits_min: Number
    credits_max: Number | None


class LimitForecast(Wire):
    """How long a connector's calls would take under its rate limit."""

    connector_uuid: Uuid
    name: str
    calls_min: int
    calls_max: int
    seconds_min: Number
    seconds_max: Number


class DryRunForecast(Wire):
    """What a batch would do. Executions, failures, credits and seconds are for all records; from a sample (`isSample`) they are
    extrapolated. The sample is chosen from `sampledFromCount` records by a hash of their ids, so the same records give the same sample.
    A maximum of credits is null where nothing bounds it. `rememberedCount`: effects whose result is known from earlier runs;
    `unknownCount`: effects whose result is unknown, so that every route after them is possible."""

    records_count: int
    walked_count: int
    sampled_from_count: int
    is_sample: bool
    nodes: list[NodeForecast]
    failed_min: int
    failed_max: int
    credits_min: Number
    credits_max: Number | None
    seconds_min: Number
    seconds_max: Number
    limits: list[LimitForecast]
    remembered_count: int
    unknown_count: int
    assumptions: list[str]
