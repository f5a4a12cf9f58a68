"""Run the benchmarks, all of them or those that are named, and print one JSON document.

python -m bench [cliStart native10k … importRows …]; BENCH_ROWS=100000 makes the models of the data side smaller.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from bench import cli_start, report
from bench.data import (
    add_column,
    console_pages,
    count_rows,
    enumerate_ids,
    export_rows,
    expressions,
    filter_rows,
    guard_sql,
    import_rows,
    metric_columns,
    segment_changes,
    upsert_file,
    upsert_singles,
)
from bench.data.passages import retrieval
from bench.report import Json
from bench.runs import agents1k, charged_batch, dry_run, fair_shares, group10k, jobs10k, native10k, replay
from bench.runs.age import grown, memory100k, usage10m
from bench.runs.moments import api_writes, idle, idle_plays, play_latency, server_start, single_run
from bench.runs.services import crm_sync10k, crm_upsert10k, faults100k, http1k, rate5k, sync1m
from cargo_ai.kernel import log

BENCHMARKS: dict[str, Callable[[], Json]] = {
    "cliStart": cli_start.measure,
    "native10k": native10k.measure,
    "agents1k": agents1k.measure,
    "chargedBatch": charged_batch.measure,
    "http1k": http1k.measure,
    "crmUpsert10k": crm_upsert10k.measure,
    "crmSync10k": crm_sync10k.measure,
    "rate5k": rate5k.measure,
    "memory100k": memory100k.measure,
    "sync1m": sync1m.measure,
    "apiWrites": api_writes.measure,
    "singleRun": single_run.measure,
    "jobs10k": jobs10k.measure,
    "playLatency": play_latency.measure,
    "idle": idle.measure,
    "idlePlays": idle_plays.measure,
    "serverStart": server_start.measure,
    "group10k": group10k.measure,
    "faults100k": faults100k.measure,
    "fairShares": fair_shares.measure,
    "grown": grown.measure,
    "replay": replay.measure,
    "dryRun": dry_run.measure,
    "usage10m": usage10m.measure,
    "importRows": import_rows.measure,
    "upsertFile": upsert_file.measure,
    "upsertSingles": upsert_singles.measure,
    "filterRows": filter_rows.measure,
    "countRows": count_rows.measure,
    "consolePages": console_pages.measure,
    "segmentChanges": segment_changes.measure,
    "metricColumns": metric_columns.measure,
    "retrieval": retrieval.measure,
    "enumerateIds": enumerate_ids.measure,
    "exportRows": export_rows.measure,
    "addColumn": add_column.measure,
    "guardSql": guard_sql.measure,
    "expressions": expressions.measure,
}


def _measured(name: str) -> Json:
    report.say(f"{name} …")
    before, began = report.machine()["loadAverage"], time.perf_counter()
    figure = BENCHMARKS[name]()
    return figure | {"tookSeconds": report.rounded(time.perf_counter() - began), "loadAverageBefore": before}


def main() -> int:
    """Exit code 0 when everything could be measured, also where a goal is missed: the document says so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure this machine and print one JSON document.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(BENCHMARKS)} (all by default)")
    names: list[str] = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, _interrupted)
    log.setup()  # on stderr: the document has stdout for itself
    before = report.machine()
    figures = {name: _measured(name) for name in names}
    missed = [f"{name}: {goal['name']}" for name, figure in figures.items() for goal in figure["goals"] if not goal["ok"]]
    machine = before | {"loadAverageAfter": report.machine()["loadAverage"]}
    print(json.dumps({"ok": not missed, "missed": missed, "machine": machine, "benchmarks": figures}, indent=2, ensure_ascii=False))
    return 0


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: every server that was started is stopped and removed.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
