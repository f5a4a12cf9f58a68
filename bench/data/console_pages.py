"""consolePages: with a million records and a million runs every page of the console shows something within 300 ms.

Measured is the first view, as a browser gets it that runs scripts; of pages with parts that follow, those as well.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import sys
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg

from bench import graphs, processes, report
from bench.data.companies_server import ROWS, CompaniesServer
from bench.report import Json
from bench.runs.age import journal_rows
from bench.temporary_server import MeasurementFailed

RUNS = int(os.environ.get("BENCH_CONSOLE_RUNS", "1000000"))
TOOLS = 300
"""Tools of the workspace besides, each of which has a graph."""
TIMES = 5
MAX_BYTES = 150_000
CONTAINS: Json = {"kind": "string", "columnSlug": "about", "operator": "contains", "values": ["offices ships"]}
GROUPED = "SELECT city, COUNT(*) AS companies, AVG(revenue) AS revenue FROM default.companies GROUP BY city ORDER BY companies DESC"

_HIDDEN = re.compile(r'<input type="hidden" name="(_csrf|_key|next)" value="([^"]*)"')
_LATE = re.compile(r'<div id="([a-z-]+)" data-late[^>]* hx-get="([^"]+)"')


class Browser:
    """A browser that has signed in and runs scripts, as far as pages are concerned."""

    def __init__(self, base_url: str, token: str) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._cookies = {"cargo_ai_scripts": "1"}
        fields = dict(_HIDDEN.findall(self.get("/console/sign-in")[0]))
        self._send("POST", "/console/sign-in/token", urlencode({**fields, "token": token}))

    def _send(self, verb: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self._connection.request(verb, path, body, {"Cookie": cookies, "Accept-Encoding": "gzip", **kind, **headers})
        response = self._connection.getresponse()
        content = response.read()
        for cookie in response.headers.get_all("set-cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.status, content

    def get(self, path: str, target: str = "") -> tuple[str, int]:
        """The markup of a page, or of a part, and its bytes over the wire."""
        part = {"HX-Request": "true", "HX-Target": target} if target else {}
        status, content = self._send("GET", path, **part)
        if status != 200:
            raise MeasurementFailed(f"GET {path}: {status}")
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(), len(content)


def paths_of(server: CompaniesServer, model: str, batch: str) -> dict[str, str]:
    """The pages that look at what is large, by their names."""
    records = f"/console/models/{model}/records"
    condition = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [CONTAINS]}]}
    filter = quote(json.dumps(condition))
    with psycopg.connect(server.database().owner_url) as connection:
        row = connection.execute("select uuid, workflow_uuid from batches where failed_count > 0 order by uuid limit 1").fetchone()
        assert row is not None
        failed = connection.execute("select uuid from runs where batch_uuid = %s and status = 'error' limit 1", (row[0],)).fetchone()
        tool = connection.execute("select uuid from tools where workflow_uuid = %s", (row[1],)).fetchone()
        assert failed is not None and tool is not None
    segment = server.api.post("/segmentation/segments", {"name": "All", "modelUuid": model, "filter": {**condition, "groups": []}})
    return {
        "home": "/console/",
        "runs": "/console/runs",
        "runs that failed": "/console/runs?status=error",
        "runs of a record": "/console/runs?recordTitleOrId=Company%204711",
        "batches": "/console/batches",
        "batch with 500 failures": f"/console/batches/{row[0]}",
        "batch of this server": f"/console/batches/{batch}",
        "run": f"/console/runs/{failed[0]}",
        "tool": f"/console/tools/{tool[0]}",
        "tools": "/console/tools",
        "records": records,
        "records by a column": f"{records}?sort=revenue&order=desc",
        "records that contain": f"{records}?filter={filter}",
        "records that contain, by a column": f"{records}?filter={filter}&sort=score",
        "record": f"{records}/c000000017",
        "changes": f"/console/models/{model}/changes",
        "model": f"/console/models/{model}",
        "segment": f"/console/segments/{segment['segment']['uuid']}",
        "segments": "/console/segments",
        "SQL": f"/console/sql?query={quote(GROUPED)}",
        "search": "/console/search?q=benchmark",
        "search for a run": f"/console/search?q={str(failed[0])[:13]}",
        "search for a record": "/console/search?q=c000000017",
        "usage": "/console/usage?days=365&groupBy=workflow_uuid",
        "queue": "/console/queue",
        "audit": "/console/audit",
        "agents": "/console/agents",
        "reviews": "/console/reviews",
        "connectors": "/console/connectors",
    }


def looked_at(server: CompaniesServer, browser: Browser, path: str) -> Json:
    """How long a page takes, the parts that follow, what that costs, and how much it sends."""
    markup, size = browser.get(path)
    late = {target: (address or path).replace("&amp;", "&") for target, address in _LATE.findall(markup)}
    before, first = processes.cpu_seconds(server), list[float]()
    for _ in range(TIMES):
        began = time.perf_counter()
        browser.get(path)
        first.append(time.perf_counter() - began)
    after = processes.cpu_seconds(server)
    cpu = sum(after[group] - before[group] for group in ("api", "postgres")) / TIMES
    parts: Json = {}
    for target, address in late.items():
        began = time.perf_counter()
        browser.get(address, target)
        parts[target] = report.rounded((time.perf_counter() - began) * 1000)
    return {"p50": report.rounded(report.median(first) * 1000), "cpu": report.rounded(cpu * 1000), "bytes": size, "later": parts}


def fill(server: CompaniesServer) -> tuple[str, str]:
    """A model with all companies, a journal with all runs, and tools: the uuids of the model and of a batch."""
    model = server.loaded(ROWS)
    # The server has hung up meanwhile.
    server.api.close()
    for _ in range(TOOLS):
        server.deploy(graphs.five_native())
    batch = server.start_batch(server.deploy(graphs.five_native()), server.upload(graphs.companies(1_000)))
    server.finish_batch(batch, 1_000)
    with psycopg.connect(server.database().owner_url, autocommit=True) as connection:
        journal_rows.fill(connection, batch, RUNS)
        connection.execute("analyze")
    return model, batch


def measure() -> Json:
    """Each page some times, after one that is not counted."""
    with CompaniesServer(workers=1) as server:
        model, batch = fill(server)
        browser = Browser(server.base_url, server.token)
        pages: dict[str, Any] = {name: looked_at(server, browser, path) for name, path in paths_of(server, model, batch).items()}
    goals = [
        report.at_most("ms until the slowest page shows something (p50)", max(page["p50"] for page in pages.values()), 300),
        report.at_most("bytes of the largest page", max(page["bytes"] for page in pages.values()), MAX_BYTES),
    ]
    return report.figure(goals, {"runs": RUNS, "records": ROWS, "pages": pages})


if __name__ == "__main__":
    sys.exit(report.alone("consolePages", measure))
