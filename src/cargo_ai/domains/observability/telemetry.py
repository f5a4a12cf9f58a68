"""Telemetry: write the query that measures runs, records or executions within a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from cargo_ai.contract.observability.condition import RecordsScope, RunsScope, SpansScope, Threshold
from cargo_ai.kernel import clock, ids

TelemetryScope = SpansScope | RunsScope | RecordsScope
LOOK_BACK = timedelta(days=7)
"""What began longer than this before the window is not looked at, even when it ended within it: else every window would go through all."""
LEVELS = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}


@dataclass(frozen=True, slots=True)
class _Table:
    """The names of what is measured. `texts`: the columns in which a text is looked for; `filters`: fields of the scope by column."""

    name: str
    began: str
    ended: str
    status: str
    credits: str
    texts: tuple[str, str]
    filters: tuple[str, ...]


_STATE = {"began": "created_at", "ended": "finished_at", "status": "status", "credits": "credits_used_count"}
_OF_RUNS = ("workflow_uuid", "release_uuid", "user_uuid")
_NODES = ("node_kind", "node_integration_slug", "node_connector_uuid", "node_action_slug", "node_tool_uuid", "node_agent_uuid")
RUNS = _Table("runs", **_STATE, texts=("record_title", "error_message"), filters=_OF_RUNS)
RECORDS = _Table("records", **_STATE, texts=("title", "error_message"), filters=_OF_RUNS)
SPANS = _Table(
    "spans",
    began="execution_started_at",
    ended="execution_finished_at",
    status="execution_status",
    credits="execution_credits_used_count",
    texts=("execution_title", "execution_error_message"),
    filters=("workflow_uuid", "parent_agent_uuid", "user_uuid", *_NODES),
)


def write(scope: TelemetryScope, threshold: Threshold, window: tuple[datetime, datetime]) -> str:
    """A query with one row: `total`, `failed` and `value`."""
    table, statuses, part = _table_of(scope)
    # What still goes on has neither failed nor taken its time: only a plain count, and one of unfinished statuses, look at the beginning.
    by_end = threshold.metric != "count" or (statuses is not None and not {"idle", "pending", "running", "cancelling"} & set(statuses))
    since = window[0] - LOOK_BACK if by_end else window[0]
    conditions = [f"{table.began} >= {_moment(since)}", f"{table.began} < {_moment(window[1])}"]
    if by_end:
        conditions += [f"{table.ended} >= {_moment(window[0])}", f"{table.ended} < {_moment(window[1])}"]
    conditions += [_equal(name, value) for name in table.filters if (value := getattr(scope, name)) is not None]
    if statuses is not None:
        conditions.append(f"{table.status} IN ({', '.join(map(_text, statuses))})" if statuses else "1 = 0")
    if part is not None:
        pattern = _text("%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        conditions.append("(" + " OR ".join(f"{column} ILIKE {pattern}" for column in table.texts) + ")")
    shown = f"count() AS total, countIf({table.status} = 'error') AS failed, {_value(table, threshold)} AS value"
    return f"SELECT {shown} FROM {table.name} WHERE {' AND '.join(conditions)}"  # noqa: S608 - every value is a quoted literal


def _table_of(scope: TelemetryScope) -> tuple[_Table, Sequence[str] | None, str | None]:
    if isinstance(scope, SpansScope):
        return SPANS, scope.execution_statuses, scope.execution_title_or_error_message
    if isinstance(scope, RunsScope):
        return RUNS, scope.statuses, scope.record_title_or_error_message
    return RECORDS, scope.statuses, scope.title_or_error_message


def _value(table: _Table, threshold: Threshold) -> str:
    if threshold.metric not in ("duration", "credits"):
        return "count()"
    measured = table.credits if threshold.metric == "credits" else f"dateDiff('millisecond', {table.began}, {table.ended}) / 1000.0"
    aggregation = threshold.aggregation or "avg"
    return f"quantile({LEVELS[aggregation]})({measured})" if aggregation in LEVELS else f"{aggregation}({measured})"


def _equal(name: str, value: str) -> str:
    if name.endswith("_uuid") and ids.parse(value) is None:
        return "1 = 0"  # what is not a uuid matches nothing
    return f"{name} = {_text(value)}"


def _moment(time: datetime) -> str:
    return _text(clock.to_iso(time))


def _text(value: str) -> str:
    """A text as a literal of the query; no value of a request becomes SQL."""
    return exp.Literal.string(value).sql(dialect="clickhouse")
