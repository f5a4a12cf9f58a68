"""group10k: one run with a group of 10,000 items, flat and nested three deep, against a batch of as many records through the same nodes."""

from __future__ import annotations

import sys
import time

from bench import graphs, report
from bench.report import Json
from bench.runs.native10k import lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer

ITEMS = 10_000
NESTED = (20, 25, 20)
ROUNDS = 3


def _nested(sizes: tuple[int, ...], first: int = 0) -> list[Json]:
    """Items of items, the innermost numbered through."""
    size, *inner = sizes
    if not inner:
        return [{"n": first + at} for at in range(size)]
    below = 1
    for one in inner:
        below *= one
    return [{"items": _nested(tuple(inner), first + at * below)} for at in range(size)]


def _leaves(outputs: list[Json], depth: int) -> list[int]:
    if depth == 1:
        return [output["n"] for output in outputs]
    return [n for output in outputs for n in _leaves(output["all"], depth - 1)]


def _took(server: TemporaryServer, workflow: str, items: list[Json], depth: int) -> float:
    """Seconds of one run; MeasurementFailed unless every item is in its output, in order."""
    began = time.perf_counter()
    run = server.api.post("/orchestration/runs", {"workflowUuid": workflow, "data": {"items": items}})["run"]["uuid"]
    while (found := server.api.final(f"/orchestration/runs/{run}"))["run"]["finishedAt"] is None:
        pass
    took = time.perf_counter() - began
    if found["run"]["status"] != "success" or _leaves(found["runContext"]["loop"], depth) != list(range(ITEMS)):
        raise MeasurementFailed(f"A run with a group ended as {found['run']['status']}: {found['run']['errorMessage']}")
    return took


def measure() -> Json:
    """Medians of three rounds, by turns."""
    flat, deep, alone = list[float](), list[float](), list[float]()
    with TemporaryServer(workers=2) as server:
        leaf = graphs.leaf()
        group, nest, single = server.deploy(graphs.grouped(leaf)), server.deploy(graphs.grouped(leaf, len(NESTED))), server.deploy(leaf)
        file = server.upload([{"_id": str(at), "n": at} for at in range(ITEMS)])
        for turn in range(ROUNDS):
            report.say(f"group10k: round {turn + 1} of {ROUNDS}")
            flat.append(_took(server, group, _nested((ITEMS,)), 1))
            deep.append(_took(server, nest, _nested(NESTED), len(NESTED)))
            alone.append(lasted(server.finish_batch(server.start_batch(single, file), ITEMS)))
    batch = report.median(alone)
    return report.figure(
        [
            report.at_most("times a batch of as many records, one group", report.median(flat) / batch, 2),
            report.at_most("times a batch of as many records, groups in groups in a group", report.median(deep) / batch, 3),
        ],
        {
            "items": ITEMS,
            "nested": list(NESTED),
            "groupSeconds": report.rounded(report.median(flat)),
            "nestedSeconds": report.rounded(report.median(deep)),
            "batchSeconds": report.rounded(batch),
            "itemsPerSecond": report.rounded(ITEMS / report.median(flat)),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("group10k", measure))
