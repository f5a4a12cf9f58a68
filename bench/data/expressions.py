"""expressions: a hundred thousand evaluations of a template that only reads values, and as many that JavaScript must answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid

from bench import processes, report
from bench.data.companies_server import seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed
from cargo_ai.expression import EngineRequest, compile_config
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.server.processes import garbage

COUNT = 100_000
CHUNK = 1_000
PATHS: Json = {"kind": "templateExpression", "expression": "{{ nodes.start.name }} of {{ nodes.start.country }}"}
SCRIPT: Json = {"kind": "jsExpression", "expression": "nodes.start.name.toUpperCase() + nodes.start.employees * 2"}


def _scope(number: int) -> Json:
    return {"nodes": {"start": {"name": f"Company {number}", "country": "FR", "employees": number}}, "parentNodes": {}, "now": ""}


def _paths() -> None:
    resolver = compile_config(PATHS)
    for number in range(COUNT):
        resolver(_scope(number), [])


def _cpu_of_children() -> float:
    """CPU seconds of all processes below this one so far."""
    stats = processes.stats()
    below, grown = {os.getpid()}, True
    while grown:
        more = {pid for pid, fields in stats.items() if int(fields[1]) in below} - below
        below, grown = below | more, bool(more)
    return sum(sum(int(ticks) for ticks in stats[pid][11:13]) for pid in below if pid in stats and pid != os.getpid()) / processes.TICKS


async def _scripts() -> tuple[float, float]:
    """Seconds, and CPU seconds of this process and its sandbox."""
    evaluator, resolver, workspace = Evaluator(), compile_config(SCRIPT), uuid.UUID(int=1)
    await evaluator.warm()

    async def chunk(first: int) -> None:
        scopes = [_scope(number) for number in range(first, first + CHUNK)]
        requests = [EngineRequest(scope, resolver.questions(scope)) for scope in scopes]
        answered = await evaluator.evaluate(workspace, requests)
        last = resolver(scopes[-1], [], dict(zip(requests[-1].questions, answered[-1], strict=True)))
        if last != f"COMPANY {first + CHUNK - 1}{(first + CHUNK - 1) * 2}":
            raise MeasurementFailed(f"The expression gave {last!r}.")

    loop = asyncio.get_running_loop()
    began, cpu = loop.time(), time.process_time() + _cpu_of_children()
    for first in range(0, COUNT, CHUNK):
        await chunk(first)
    took, cpu = loop.time() - began, time.process_time() + _cpu_of_children() - cpu
    await evaluator.close()
    return took, cpu


def measure() -> Json:
    """Medians of three rounds, with the garbage collector as all processes of a server have it."""
    garbage.spare_what_is_loaded()
    paths = [seconds(_paths) for _ in range(3)]
    scripts = [asyncio.run(_scripts()) for _ in range(3)]
    return report.figure(
        [
            report.at_most("seconds for 100,000 templates of paths", report.median(paths), 1.5),
            report.at_most("CPU seconds for 100,000 templates of JavaScript", report.median([cpu for _, cpu in scripts]), 1.5),
        ],
        {
            "pathSeconds": [report.rounded(one) for one in paths],
            "javascriptSeconds": [report.rounded(took) for took, _ in scripts],
            "javascriptCpuSeconds": [report.rounded(cpu) for _, cpu in scripts],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("expressions", measure))
