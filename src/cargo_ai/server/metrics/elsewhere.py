"""Metrics of workers on other machines: written into the database, where the API of any machine reads them."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.kernel import clock
from cargo_ai.server.metrics.collector import PrometheusCollector
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import WorkerMetrics

EVERY_SECONDS = 15.0
SILENT_MS = 60_000
"""What has not been written for so long is of a worker that is gone."""


class Page(NamedTuple):
    """What a worker has counted, in Prometheus' text format. `worker`: its machine and process."""

    worker: str
    text: str


async def publish(database: Database, worker: uuid.UUID, collector: PrometheusCollector) -> None:
    """Write what this worker has counted, every few seconds, until cancelled."""
    while True:
        await write(database, worker, collector)
        await asyncio.sleep(EVERY_SECONDS)


async def write(database: Database, worker: uuid.UUID, collector: PrometheusCollector) -> None:
    """Write it once, in place of what it was; rows of workers that are gone are removed."""
    from prometheus_client import generate_latest

    now = clock.now_ms()
    values = {"page": generate_latest(collector.registry).decode(), "written_ms": now}
    row = {"worker_uuid": worker, "process": f"{socket.gethostname()}/{os.getpid()}", **values}
    async with database.session(ALL_WORKSPACES) as db:
        written = insert(WorkerMetrics).values(row)
        await db.execute(written.on_conflict_do_update(index_elements=["worker_uuid"], set_=values))
        await db.execute(delete(WorkerMetrics).where(WorkerMetrics.written_ms < now - 10 * SILENT_MS))
        await db.commit()


async def read(db: AsyncSession) -> list[Page]:
    """What the workers elsewhere have counted that still write."""
    rows = await db.scalars(select(WorkerMetrics).where(WorkerMetrics.written_ms > clock.now_ms() - SILENT_MS))
    return [Page(row.process, row.page) for row in rows]


class Together:
    """Several registries as one: the values of workers elsewhere stand beside those of this server, with a label that names the worker."""

    def __init__(self, own: Iterable[Any], pages: Sequence[Page]) -> None:
        self._own = own
        self._pages = pages

    def collect(self) -> Iterable[Any]:
        """Every family once, as the text format wants it."""
        from prometheus_client.parser import text_string_to_metric_families

        families = {family.name: family for registry in self._own for family in registry.collect()}
        for worker, page in self._pages:
            for family in text_string_to_metric_families(page):
                if family.name.endswith("_created"):
                    continue
                samples = [sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples]
                if family.name in families:
                    families[family.name].samples.extend(samples)
                else:
                    family.samples = samples
                    families[family.name] = family
        return families.values()
