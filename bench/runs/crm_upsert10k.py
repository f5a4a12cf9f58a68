"""crmUpsert10k: 10,000 records through a filter into HubSpot's simulator in calls of 100 rows, at its real limit with two workers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from bench import graphs, report
from bench.report import Json
from bench.runs.native10k import lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer
from tests.simulators.hubspot import server as simulator
from tests.simulators.hubspot.sign_in import SERVICE_KEY

RECORDS = 10_000
ROWS = 100
TEN_SECONDS = 190
UPSERT = "/crm/objects/2026-03/contacts/batch/upsert"


def connector(server: TemporaryServer) -> str:
    """A connector to the simulator; its uuid."""
    config = {"accessToken": SERVICE_KEY}
    asked = {"integrationSlug": "hubspot", "slug": "hubspot", "name": "HubSpot", "config": config}
    return str(server.api.post("/connection/connectors", asked)["connector"]["uuid"])


def simulated(url: str, order: Json | None = None) -> Json:
    """What the simulator has seen; `order`: after it was given that."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    if order is not None:
        body = json.dumps(order).encode()
        opener.open(urllib.request.Request(f"{url}/_simulator", body, {"Content-Type": "application/json"}), timeout=10).close()
    with opener.open(f"{url}/_simulator", timeout=10) as answer:
        found: Json = json.loads(answer.read())
        return found


def _row(record: Json) -> Json:
    email = f"person-{record['id']}@{record['domain']}"
    return {"id": email, "idProperty": "email", "properties": {"email": email, "firstname": record["name"], "city": record["city"]}}


async def _bare(url: str, records: list[Json], at_once: int) -> float:
    """Seconds in which a plain script posts the same rows in batches, `at_once` of them at a time."""
    import httpx

    batches = iter([records[begin : begin + ROWS] for begin in range(0, len(records), ROWS)])
    headers = {"authorization": f"Bearer {SERVICE_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:

        async def work() -> None:
            for batch in batches:
                answer = await client.post(UPSERT, json={"inputs": [_row(record) for record in batch]})
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.perf_counter() - began


@contextmanager
def _simulator(ten_seconds: int) -> Generator[str]:
    with simulator.process("--ten-seconds", str(ten_seconds), "--day", "100000000") as url:
        yield url


def _round(server: TemporaryServer, url: str, records: list[Json]) -> tuple[Json, float, Json]:
    """A batch, the seconds that it took, and what the simulator saw of it."""
    workflow = server.deploy(graphs.filtered_upsert(connector(server)))
    few, file = server.upload(records[: 2 * ROWS]), server.upload(records)
    server.finish_batch(server.start_batch(workflow, few), 2 * ROWS)
    before = simulated(url)
    batch = server.finish_batch(server.start_batch(workflow, file), len(records))
    after = simulated(url)
    statuses = {status: count - before["byStatus"].get(status, 0) for status, count in after["byStatus"].items()}
    if (made := sum(after["records"].values())) != len(records):
        raise MeasurementFailed(f"{len(records)} records made {made} contacts.")
    return batch, lasted(batch), statuses


def measure() -> Json:
    """At the real limit: how fast, how full the calls are, and whether any was refused."""
    records = graphs.companies(RECORDS)
    with _simulator(TEN_SECONDS) as url, TemporaryServer(workers=2, SERVICE_ADDRESSES=f"hubspot={url}") as server:
        _, took, statuses = _round(server, url, records)
    calls = sum(statuses.values())
    return report.figure(
        [
            report.at_least("rows per second", len(records) / took, 1_500),
            report.at_least("of the calls that are needed, share of those made", len(records) / ROWS / calls, 0.95),
            report.at_most("calls refused for the limit", statuses.get("429", 0), 0),
        ],
        {"calls": calls, "statuses": statuses, "seconds": report.rounded(took)},
    )


if __name__ == "__main__":
    sys.exit(report.alone("crmUpsert10k", measure))
