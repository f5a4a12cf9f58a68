"""Dry runs: what a batch would do, cost and take, without any effect."""

from __future__ import annotations

from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.kernel.wire import Uuid, Wire


class NodeForecast(Wire):
    """How often a node would be executed: surely, at most, and on average where nothing but the shares of splits leaves it open (null where
    answers that are unknown decide). `path` leads through groups and tools, such as `group.node`."""

    path: str
    node_uuid: Uuid
    node_slug: str
    executions_min: int
    executions_max: int
    executions_expected: Number | None
    credits_min: Number
    credits_max: Number | None


class LimitForecast(Wire):
    """How long a connector's rate limit would take for its calls; null where there is none."""

    connector_uuid: Uuid
    name: str
    calls_min: int
    calls_max: int
    seconds_min: Number
    seconds_max: Number


class DryRunForecast(Wire):
    """What a batch would do. Counts of nodes, ends, credits and seconds are for all records: where only a sample was walked (`isSample`),
    they are what the sample makes one expect. The sample is spread over `sampledFromCount` records by a hash of their ids: the same records
    give the same sample. A maximum of credits is null where nothing bounds it. `rememberedCount`: answers of effects
    that earlier runs were given for the same; `unknownCount`: those that are unknown, where every way on is possible."""

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
