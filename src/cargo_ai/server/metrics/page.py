"""The page `/metrics`: what the processes of this server have counted, and what the database says of all, in Prometheus' text format."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cargo_ai import __version__
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import state as states
from cargo_ai.server.api.http import requests
from cargo_ai.server.api.state import State
from cargo_ai.server.metrics import elsewhere
from cargo_ai.server.metrics.collector import folder_of
from cargo_ai.server.metrics.elsewhere import Page, Together
from cargo_ai.store.session import ALL_WORKSPACES

FRESH_SECONDS = 5.0
"""How long what the database said is shown again: scrapers of several machines cost it no more than one."""

_STATE = text("""
select 'workers' as measure, case when beat_ms > :alive then 'alive' else 'silent' end as first, '' as second, count(*) as value
from workers group by 2
union all select 'shards', lane, state, count(*) from shards where state <> 'done' group by 2, 3
union all select 'oldest', lane, '', (:now - min(touched_ms)) / 1000.0 from shards where state in ('waiting', 'queued') group by 2
union all select 'batches', status, '', count(*) from batches where finished_ms is null group by 2
union all select 'parked', '', '', count(*) from runs where wake_ms is not null
union all select 'jobs', queue_name, status::text, count(*) from procrastinate_jobs where status in ('todo', 'doing') group by 2, 3
union all select 'connections', case state when 'idle' then 'idle' else 'inUse' end, '', count(*) from pg_stat_activity
where application_name = 'cargo-ai api' group by 2
""")
_GAUGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "workers": ("cargo_ai_workers", "Workers of all machines: alive, or silent for too long.", ("state",)),
    "shards": ("cargo_ai_shards", "Unfinished slices of runs, by lane: waiting, queued, running.", ("lane", "state")),
    "oldest": ("cargo_ai_oldest_waiting_seconds", "How long the oldest slice of runs has waited for a worker.", ("lane",)),
    "batches": ("cargo_ai_batches", "Unfinished batches.", ("status",)),
    "parked": ("cargo_ai_parked_runs", "Runs that wait for a time, a rate limit or another attempt.", ()),
    "jobs": ("cargo_ai_jobs", "Jobs of the queue that wait or are being done.", ("queue", "status")),
    "connections": ("cargo_ai_database_connections", "Connections to the database of all API processes.", ("state",)),
}


class Gauge(NamedTuple):
    """One value as it is now."""

    measure: str
    labels: tuple[str, ...]
    value: float


class _Gauges:
    """Hands values to the library, as its collectors do."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import GaugeMetricFamily

        for measure, (name, described, labels) in _GAUGES.items():
            family = GaugeMetricFamily(name, described, labels=labels)
            for gauge in self._gauges:
                if gauge.measure == measure:
                    family.add_metric(gauge.labels[: len(labels)], gauge.value)
            yield family
        build = GaugeMetricFamily("cargo_ai_build_info", "The version of this server.", labels=("version",))
        build.add_metric((__version__,), 1)
        yield build


class _Remembered(NamedTuple):
    at: float
    gauges: list[Gauge]
    elsewhere: list[Page]


_remembered: dict[int, _Remembered] = {}


async def _page(request: Request) -> Response:
    state = states.state_of(request)
    token = state.settings.metrics_token
    if not token:
        raise Refusal(404, "routeNotFound", "Metrics are not served: CARGO_AI_METRICS_TOKEN switches them on.")
    if not hmac.compare_digest((requests.bearer(request) or "").encode("utf-8", "replace"), token.encode()):
        raise Refusal(401, "unauthorized", "Send CARGO_AI_METRICS_TOKEN as a bearer token.", headers={"WWW-Authenticate": "Bearer"})
    body, kind = await asyncio.to_thread(_render, state, await _of_database(state))
    return Response(body, 200, {"Content-Type": kind})


def _render(state: State, known: _Remembered) -> tuple[bytes, str]:
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest, multiprocess

    own: list[Any] = [multiprocess.MultiProcessCollector(None, str(folder_of(state.settings))), _Gauges(known.gauges)]
    together: Any = Together(own, known.elsewhere)
    return generate_latest(together), CONTENT_TYPE_LATEST


async def _of_database(state: State) -> _Remembered:
    """What the database says, some seconds old at most. One statement over indexes of what is unfinished, and one for workers elsewhere."""
    known = _remembered.get(id(state))
    if known is None or clock.seconds() - known.at > FRESH_SECONDS:
        now = clock.now_ms()
        values = {"now": now, "alive": now - int(state.settings.stalled_after * 1000)}
        async with state.database.session(ALL_WORKSPACES) as db:
            rows = (await db.execute(_STATE, values)).all()
            pages = await elsewhere.read(db)
        gauges = [Gauge(row.measure, (row.first, row.second), float(row.value or 0)) for row in rows]
        known = _Remembered(clock.seconds(), gauges, pages)
        _remembered.clear()
        _remembered[id(state)] = known
    return known


routes: list[BaseRoute] = [Route("/metrics", _page, methods=["GET"])]
