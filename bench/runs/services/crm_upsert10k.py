"""crmUpsert10k: 10,000 records through a filter into HubSpot's simulator in calls of 100 rows, at its real limit with two workers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request

import httpx

from bench import graphs, report
from bench.report import Json
from bench.runs.native10k import lasted
from bench.temporary_server import ROOT, MeasurementFailed, TemporaryServer
from tests.simulators.hubspot import server as simulator
from tests.simulators.hubspot.sign_in import SERVICE_KEY

RECORDS = 10_000
ROWS = 100
TEN_SECONDS = 190
AT_ONCE = 4
"""Calls under way at a time: what two workers with two shards of 100 runs each can have."""
ANSWER_SECONDS = 0.1
OWN = ROOT / "tests" / "kit" / "own_integrations"
UPSERT = "/crm/objects/2026-03/contacts/batch/upsert"


def connector(server: TemporaryServer, integration: str) -> str:
    """A connector to the simulator; its uuid."""
    config = {"method": "privateApp", "accessToken": SERVICE_KEY}
    asked = {"integrationSlug": integration, "slug": "crm", "name": "CRM", "config": config}
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


def _options(ten_seconds: int) -> tuple[str, ...]:
    return ("--ten-seconds", str(ten_seconds), "--day", "100000000")


def _engine(server: TemporaryServer, url: str, integration: str, records: list[Json]) -> tuple[float, Json]:
    """The seconds of a batch, after a small one that warms up, and how often the simulator answered with which status meanwhile."""
    workflow = server.deploy(graphs.filtered_upsert(connector(server, integration), integration))
    few, file = server.upload(records[: 2 * ROWS]), server.upload(records)
    server.finish_batch(server.start_batch(workflow, few), 2 * ROWS)
    before = simulated(url)
    batch = server.finish_batch(server.start_batch(workflow, file), len(records))
    after = simulated(url)
    statuses = {status: count - before["byStatus"].get(status, 0) for status, count in after["byStatus"].items()}
    if (made := sum(after["records"].values())) != len(records):
        raise MeasurementFailed(f"{len(records)} records made {made} contacts.")
    return lasted(batch), statuses


def _limited(records: list[Json]) -> tuple[float, Json]:
    with simulator.process(*_options(TEN_SECONDS)) as url, TemporaryServer(workers=2, SERVICE_ADDRESSES=f"hubspot={url}") as server:
        return _engine(server, url, "hubspot", records)


def _unlimited(records: list[Json]) -> tuple[float, float]:
    """The seconds of the engine, and those of a plain script with as many calls under way."""
    with (
        simulator.process(*_options(100_000)) as url,
        TemporaryServer(workers=2, python_path=str(OWN), SERVICE_ADDRESSES=f"unlimited={url}") as server,
    ):
        simulated(url, {"faults": [{"method": "POST", "path": "upsert", "delay": ANSWER_SECONDS, "times": 1_000_000}]})
        took, _ = _engine(server, url, "unlimited", records)
        bare = [asyncio.run(_bare(url, records, AT_ONCE)) for _ in range(3)]
        return took, report.median(bare)


def measure() -> Json:
    """At the real limit: how fast, how full the calls are, and whether any was refused; without one: against a plain script."""
    records = graphs.companies(RECORDS)
    report.say("crmUpsert10k: at HubSpot's limit")
    took, statuses = _limited(records)
    report.say("crmUpsert10k: without a limit")
    free, bare = _unlimited(records)
    calls = sum(statuses.values())
    return report.figure(
        [
            report.at_least("rows per second", len(records) / took, 1_500),
            report.at_least("of the calls that were made, the share that was needed", len(records) / ROWS / calls, 0.95),
            report.at_most("calls refused for the limit", sum(count for status, count in statuses.items() if "429" in status), 0),
            report.at_least("rows per second without a limit, as a share of a plain script's", bare / free, 0.6),
        ],
        {
            "calls": calls,
            "statuses": statuses,
            "seconds": report.rounded(took),
            "rowsPerSecondWithoutLimit": report.rounded(len(records) / free),
            "rowsPerSecondOfScript": report.rounded(len(records) / bare),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("crmUpsert10k", measure))
