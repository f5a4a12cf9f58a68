"""crmSync10k: 10,000 people of a model and contacts of HubSpot's simulator, kept the same both ways while both change."""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import httpx

from bench import report
from bench.report import Json
from bench.runs.services.crm_upsert10k import connector
from bench.temporary_server import Api, MeasurementFailed, TemporaryServer
from tests.simulators.hubspot import server as simulator
from tests.simulators.hubspot.sign_in import SERVICE_KEY

COUNT = 10_000
ROUNDS = 5
A_ROUND = 500
"""How many records change on each side."""
SAME = 3
SECONDS = 900.0
FIELDS = {"first_name": "firstname", "last_name": "lastname", "phone": "phone", "job_title": "jobtitle", "company": "company"}
CONTACTS = "/crm/objects/2026-03/contacts"


class Sides:
    """The model, the contacts, and the two plays between them."""

    def __init__(self, server: TemporaryServer, crm: httpx.Client) -> None:
        self.api: Api = server.api
        self.crm = crm
        self.random = random.Random(7)
        self.ids: dict[str, str] = {}

    def prepare(self) -> None:
        """Half of the people here, half there, a tenth of them on both sides; the model of the connector filled; the plays enabled."""
        for begin in range(COUNT // 2, COUNT, 100):
            inputs = [
                {"properties": {"email": address(at), "firstname": f"First {at}", "phone": str(at)}} for at in range(begin, begin + 100)
            ]
            self._write("create", inputs)
        account = connector_dataset(self.api)
        config = {"objectType": "contacts", "columnSelectionMode": "selected", "properties": ["email", *FIELDS.values()]}
        self.mirror = self._model("contacts", account, "fetchRecords", config)
        needs = self.api.send("GET", "/orchestration/templates/crm-sync-out")["template"]["needs"]["columns"]
        columns = [{"slug": name, "type": kind, "label": name} for name, kind in needs.items()]
        native = next(one["uuid"] for one in self.api.send("GET", "/storage/datasets/list")["datasets"] if one["kind"] == "native")
        self.people = self._model("people", native, "defineObject", {"columns": columns, "idColumnSlug": "email"})
        for column in ("crm_id", "email"):
            self.api.post(f"/storage/models/{self.people}/indexes", {"columnSlugs": [column]})
        rows = [{"data": {"email": address(at), "last_name": f"Last {at}", "job_title": "CTO"}} for at in range(COUNT // 2 + COUNT // 10)]
        wait(self._is_filled, "the first sync")
        self.plays = [
            self._play("crm-sync-in", model="contacts", values={"target_model": "people"}),
            self._play("crm-sync-out", model="people"),
        ]
        for begin in range(0, len(rows), 1000):
            self.api.post("/storage/records/createBulk", {"modelUuid": self.people, "records": rows[begin : begin + 1000]})
        data = {"kind": "segment", "segmentUuid": self.plays[0]["segmentUuid"]}
        self.api.post("/orchestration/batches", {"workflowUuid": self.plays[0]["workflowUuid"], "data": data})

    def _model(self, slug: str, dataset: str, extractor: str, config: Json) -> str:
        asked = {"slug": slug, "name": slug, "datasetUuid": dataset, "extractorSlug": extractor, "config": config}
        return str(self.api.post("/storage/models", asked)["model"]["uuid"])

    def _play(self, slug: str, **fields: Any) -> Json:
        play: Json = self.api.post(f"/orchestration/templates/{slug}/apply", {**fields, "enable": True})["play"]
        return play

    def _write(self, verb: str, inputs: list[Json]) -> None:
        self.crm.post(f"{CONTACTS}/batch/{verb}", json={"inputs": inputs}).raise_for_status()

    def change(self, number: int) -> None:
        """Each side changes some of its records; some of them are the same."""
        addresses = [address(at) for at in self.random.sample(range(COUNT), A_ROUND)]
        here = self.here()
        updates = [{"id": one, "data": {self.random.choice(list(FIELDS)): f"ours {number}"}} for one in addresses if one in here]
        if updates:
            body = json.dumps({"modelUuid": self.people, "records": updates}).encode()
            self.api.send("PUT", "/storage/records/updateBulk", body, **{"Content-Type": "application/json"})
        self.there()
        others = [one for one in [*addresses[: A_ROUND // 10], *map(address, self.random.sample(range(COUNT), A_ROUND))] if one in self.ids]
        inputs = [
            {"id": self.ids[one], "properties": {self.random.choice(list(FIELDS.values())): f"theirs {number}"}}
            for one in dict.fromkeys(others)
        ]
        for begin in range(0, len(inputs), 100):
            self._write("update", inputs[begin : begin + 100])

    def sync(self) -> None:
        """Bring what has changed there into the model of the connector, and wait for that."""
        run = self.api.post("/storage/runs", {"modelUuid": self.mirror})["run"]["uuid"]
        wait(lambda: self.api.final(f"/storage/runs/{run}")["run"]["finishedAt"] is not None, "a sync")

    def _is_filled(self) -> bool:
        runs = self.api.send("GET", f"/storage/runs/list?modelUuid={self.mirror}")["runs"]
        return bool(runs) and all(run["finishedAt"] is not None for run in runs)

    def here(self) -> dict[str, tuple[str, ...]]:
        """The people."""
        found: dict[str, tuple[str, ...]] = {}
        while True:
            page = self.api.post("/storage/records/list", {"modelUuid": self.people, "limit": 1000, "offset": len(found)})["records"]
            found |= {row["email"]: tuple(row[name] or "" for name in FIELDS) for row in page}
            if len(page) < 1000:
                return found

    def there(self) -> dict[str, tuple[str, ...]]:
        """The contacts."""
        found: dict[str, tuple[str, ...]] = {}
        query: dict[str, Any] = {"limit": 100, "properties": ",".join(["email", *FIELDS.values()])}
        while True:
            document = self.crm.get(CONTACTS, params=query).raise_for_status().json()
            for record in document["results"]:
                values = record["properties"]
                self.ids[values["email"]] = record["id"]
                found[values["email"]] = tuple(values.get(name) or "" for name in FIELDS.values())
            if "paging" not in document:
                return found
            query["after"] = document["paging"]["next"]["after"]

    def settle(self) -> float:
        """Sync until both sides are the same and stay so; the seconds until they first were."""
        began, first, same = time.perf_counter(), 0.0, 0
        while same < SAME:
            self.sync()
            for play in self.plays:
                wait(lambda uuid=play["workflowUuid"]: self._is_idle(uuid), "the plays")
            here, there = self.here(), self.there()
            different = sum(here.get(one) != there.get(one) for one in here | there)
            report.say(f"crmSync10k: {len(here):,} and {len(there):,}, {different:,} differ")
            first = first if same else time.perf_counter() - began
            same = 0 if different else same + 1
            if time.perf_counter() - began > SECONDS:
                raise MeasurementFailed(f"After {SECONDS:.0f} s, {different} of {len(here)} and {len(there)} differ.")
        return first

    def _is_idle(self, workflow: str) -> bool:
        batches = self.api.send("GET", f"/orchestration/batches/list?workflowUuid={workflow}&limit=100")["batches"]
        return all(batch["finishedAt"] is not None for batch in batches)

    def written(self) -> dict[str, int]:
        """How often the plays wrote what."""
        query = "SELECT operation, count() AS n FROM row_results GROUP BY operation"
        return {row["operation"]: int(row["n"]) for row in self.api.post("/orchestration/query", {"query": query})["rows"]}


def address(number: int) -> str:
    """The address of a person."""
    return f"person-{number}@example.com"


def connector_dataset(api: Api) -> str:
    """The dataset of the connector."""
    datasets = api.send("GET", "/storage/datasets/list")["datasets"]
    return str(next(one["uuid"] for one in datasets if one["kind"] == "connector"))


def wait(done: Any, what: str) -> None:
    """Wait for it."""
    deadline = time.perf_counter() + SECONDS
    while not done():
        if time.perf_counter() > deadline:
            raise MeasurementFailed(f"{what} did not end in {SECONDS:.0f} s.")
        time.sleep(0.2)


def measure() -> Json:
    """How long both sides take to be the same, at first and after both have changed, and what was written for it."""
    with (
        simulator.process("--ten-seconds", "100000", "--day", "100000000", "--search", "1000", "--search-lag", "0") as url,
        TemporaryServer(workers=2, SERVICE_ADDRESSES=f"hubspot={url}") as server,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {SERVICE_KEY}"}, trust_env=False, timeout=60) as crm,
    ):
        connector(server, "hubspot")
        sides = Sides(server, crm)
        sides.prepare()
        report.say("crmSync10k: the first time")
        filled = sides.settle()
        before = sides.written()
        for number in range(ROUNDS):
            report.say(f"crmSync10k: both change, {number + 1} of {ROUNDS}")
            sides.change(number)
            sides.sync()
        settled = sides.settle()
        after = sides.written()
        written = sum(after.values()) - sum(before.values())
        return report.figure(
            [
                report.at_most("seconds from the last change until both are the same", settled, 120),
                report.at_most("writes into HubSpot for each record that changed here", written / (ROUNDS * A_ROUND), 1.5),
                report.at_most("writes that failed", after.get("failed", 0), 0),
            ],
            {"secondsToFill": report.rounded(filled), "secondsToSettle": report.rounded(settled), "written": after},
        )


if __name__ == "__main__":
    sys.exit(report.alone("crmSync10k", measure))
