"""grown: what people ask of their runs takes as long with a million of them in the journal as with ten thousand.

BENCH_RUNS=10000,1000000,10000000 adds the largest journal, which takes 14 GB and a quarter of an hour to fill. BENCH_LAST_DAY=2300000
puts this many of its runs into the last day, which has more than 10,000,000 executions then. BENCH_FOLDER names a folder in which filled
journals stay: the next time only the reads are measured. They grow old, as their last day does; delete them when they have.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import graphs, processes, report
from bench.report import Json
from bench.runs.age import journal_rows
from bench.runs.age.grown_reads import Journal, answer_times, questions
from bench.runs.fair_shares import create_workspaces
from bench.temporary_server import Api, TemporaryServer
from cargo_ai.store.embedded import postgres

SIZES = [int(size) for size in os.environ.get("BENCH_RUNS", "10000,1000000").split(",")]
LAST_DAY = int(os.environ.get("BENCH_LAST_DAY", "0"))
"""Runs of the last day, in journals that have more than twice as many; otherwise runs are spread evenly."""
FOLDER = os.environ.get("BENCH_FOLDER", "")
TIMES = 9
FEW = 45
"""Runs of the workspace beside the large one."""
SPANS = """
SELECT node_slug, count(*) AS n, sum(execution_credits_used_count) AS credits FROM spans
WHERE execution_started_at >= now() - interval '1 day' GROUP BY node_slug ORDER BY n DESC
"""

Connection = psycopg.Connection[Any]


def read_journal(connection: Connection, source: str, records: int) -> Journal:
    """What to ask of a journal that was filled with copies of a batch."""

    def first(query: str, *values: Any) -> str:
        row = connection.execute(query.encode(), values).fetchone()
        return str(row[0]) if row else str(uuid.UUID(int=0))

    of_workflow = "workflow_uuid = (select workflow_uuid from batches where uuid = %s)"
    batch = first(f"select uuid from batches where uuid <> %s and {of_workflow} order by uuid limit 1", source, source)
    of_batch = "select uuid from runs where batch_uuid = %s and status = %s order by uuid limit 1"
    return Journal(
        workflow=first("select workflow_uuid from batches where uuid = %s", source),
        batch=batch,
        release=first("select release_uuid from batches where uuid = %s", source),
        user=first("select user_uuid from batches where uuid = %s", source),
        run=first(of_batch, batch, "success"),
        failed=first(of_batch, batch, "error"),
        parked=first("select uuid from runs where rare_status = 'idle' order by uuid limit 1"),
        records=records,
    )


@dataclass(frozen=True, slots=True)
class _Filled:
    """What there is to ask: of the large workspace, and of the small one, which has this token."""

    large: Journal
    few: Journal
    token: str


def _kept(size: int, last_day: int) -> tuple[Path | None, _Filled | None]:
    """The folder in which this journal stays, and what is in it; what was not filled to its end is removed."""
    if not FOLDER:
        return None, None
    folder = Path(FOLDER).resolve() / f"{size}-{last_day}"
    if (noted := folder / "journal.json").exists():
        found = json.loads(noted.read_text())
        return folder, _Filled(Journal(**found["large"]), Journal(**found["few"]), found["token"])
    if (folder / "data").exists():
        postgres.erase(folder / "data")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder, None


def _fill(server: TemporaryServer, size: int, last_day: int) -> _Filled:
    (token,) = asyncio.run(create_workspaces(server.database().owner_url, 1))
    small = server.connect(token=token)
    workflow, file = server.deploy(graphs.five_native(), small), server.upload(graphs.companies(FEW), small)
    few = server.start_batch(workflow, file, small)
    _finish(small, few)
    source = server.start_batch(server.deploy(graphs.five_native()), server.upload(graphs.companies(1_000)))
    server.finish_batch(source, 1_000)
    with psycopg.connect(server.database().owner_url, autocommit=True) as connection:
        journal_rows.fill(connection, source, size, last_day=last_day)
        journal = read_journal(connection, source, max(1, size // 2))
    return _Filled(journal, Journal(workflow, few, journal.release, journal.user, journal.run, journal.run, journal.run, FEW), token)


def _measured(size: int) -> tuple[dict[str, Json], dict[str, Json], Json]:
    """The answers of the large workspace and of the small one, and what SQL over a day of spans takes."""
    last_day = LAST_DAY if size > 2 * LAST_DAY else 0
    folder, filled = _kept(size, last_day)
    with TemporaryServer(workers=1, keep=folder) as server:
        if filled is None:
            filled = _fill(server, size, last_day)
            if folder is not None:
                (folder / "journal.json").write_text(json.dumps(asdict(filled)))
        api, small = server.connect(seconds=300), server.connect(token=filled.token, seconds=300)
        large = _answers(server, api, questions(filled.large))
        own = {name: asked for name, asked in questions(filled.few).items() if not name.startswith(("run get", "run explain"))}
        sql = _answers(server, api, {"spans of a day by node": ("POST", "/orchestration/query", {"query": SPANS})})
        return large, _answers(server, small, own), sql["spans of a day by node"]


def _finish(api: Api, batch: str) -> None:
    while api.final(f"/orchestration/batches/{batch}")["batch"]["finishedAt"] is None:
        pass


def _answers(server: TemporaryServer, api: Api, asked: dict[str, Any]) -> dict[str, Json]:
    answers: dict[str, Json] = {}
    for name, question in asked.items():
        before = processes.cpu_seconds(server)
        took = answer_times(api, {name: question}, TIMES)[name]
        after = processes.cpu_seconds(server)
        cpu = sum(after[group] - before[group] for group in ("api", "postgres")) / (len(took) + 1)
        answers[name] = {"p50": report.rounded(report.median(took) * 1000), "cpu": report.rounded(cpu * 1000)}
    return answers


def measure() -> Json:
    """Each question nine times for each size of the journal."""
    by_size = {size: _measured(size) for size in SIZES}
    least, most = by_size[min(SIZES)], by_size[max(SIZES)]
    judged = [each["p50"] for part in most[:2] for each in part.values()]
    goals = [report.at_most("ms of the slowest answer (p50)", max(judged), 30)]
    ratios = {name: most[0][name]["p50"] / least[0][name]["p50"] for name in most[0]}
    goals.append(report.at_most("times the smallest journal, in the middle", report.median(list(ratios.values())), 1.5))
    goals.append(report.at_most("s of SQL over a day of spans by node", most[2]["p50"] / 1000, 2))
    found: Json = {}
    for size, (large, small, sql) in by_size.items():
        found[f"{size} runs"] = {"large": large, "small": small, "sql": sql}
    return report.figure(goals, {"milliseconds": found, "ratios": {name: report.rounded(ratio) for name, ratio in ratios.items()}})


if __name__ == "__main__":
    sys.exit(report.alone("grown", measure))
