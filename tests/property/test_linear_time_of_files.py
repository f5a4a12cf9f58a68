"""Forms, files and graphs are read in time linear in their size: twice as much of anything takes less than three times as long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from cargo_ai.engine.graph.graph import InvalidGraph, compile_graph
from cargo_ai.engine.graph.validation import Inventory, validate
from cargo_ai.files.csv_files import csv_blocks, csv_chunks, csv_columns
from cargo_ai.files.json_files import json_chunks
from cargo_ai.files.text_files import InvalidFile
from cargo_ai.server.routes.files.multipart import FileForm, FormBroken, NoFile
from tests.kit.graphs import node
from tests.kit.measures.linear_time import Case, explain_slowness
from tests.unit.engine.graphs import Body, actions, variables

pytestmark = pytest.mark.slow
KNOWN = Inventory(actions())
PIECE = 8 * 1024
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'


async def _pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _form(piece: int = PIECE) -> Callable[[bytes], None]:
    async def read(content: bytes) -> None:
        form = FileForm("multipart/form-data; boundary=b", _pieces(content, piece), "file", len(content))
        await form.open()
        async for _ in form.data():
            pass

    def run(content: bytes) -> None:
        with suppress(FormBroken, NoFile):
            asyncio.run(read(content))

    return run


def _rows(read: Callable[[AsyncIterator[bytes]], AsyncIterator[object]], piece: int = PIECE) -> Callable[[str], None]:
    async def to_end(content: bytes) -> None:
        async for _ in read(_pieces(content, piece)):
            pass

    def run(content: str) -> None:
        with suppress(InvalidFile):
            asyncio.run(to_end(content.encode()))

    return run


def _columns(content: str) -> None:
    with suppress(InvalidFile):
        asyncio.run(csv_columns(_pieces(content.encode(), PIECE)))


def _graph(nodes: list[Body]) -> None:
    validate(nodes, KNOWN)
    with suppress(InvalidGraph):
        compile_graph(nodes, KNOWN.actions)


def _line(steps: Iterable[Body]) -> list[Body]:
    """The nodes one after another, between `start` and `end`."""
    nodes = [node("start"), *steps, node("end")]
    for before, after in pairwise(nodes):
        before["childrenUuids"] = [after["uuid"]]
    return nodes


def _switch(ways: int) -> list[Body]:
    cases = [{"name": f"c{at}", "condition": f"{{{{nodes.start.a == {at}}}}}"} for at in range(ways)]
    children = [f"a{at}" for at in range(ways)]
    ends = [variables(child, {"x": 1}, ["end"]) for child in children]
    return [node("start", children=["way"]), node("way", "switch", [*children, "end"], config={"cases": cases}), *ends, node("end")]


def _ladder(steps: int) -> list[Body]:
    """Two ways at each step: 2 to the power of `steps` ways through the graph."""
    nodes: list[Body] = [node("start", children=["b0"])]
    for at in range(steps):
        nodes += [
            node(f"b{at}", "branch", [f"l{at}", f"r{at}"], config={"condition": True}),
            variables(f"l{at}", {"x": 1}, [f"b{at + 1}"]),
            variables(f"r{at}", {"x": 1}, [f"b{at + 1}"]),
        ]
    return [*nodes, node(f"b{steps}", "end")]


def _circles(count: int) -> list[Body]:
    nodes = _line(variables(f"a{at}", {"x": 1}) for at in range(count))
    nodes[-2]["childrenUuids"] = [nodes[1]["uuid"]]
    return nodes


CASES: dict[str, Case] = {
    "a file in a form": (_form(), lambda n: FILE + b"\r\n" + b"a,b\r\n" * n + b"\r\n--b--\r\n", 200_000),
    "what begins no boundary": (_form(), lambda n: FILE + b"\r\n" + b"\r\n--" * n + b"\r\n--b--\r\n", 60_000),
    "line ends in a form": (_form(), lambda n: FILE + b"\r\n" + b"\r" * n + b"\r\n--b--\r\n", 60_000),
    "fields of a form": (_form(), lambda n: b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * n, 1_500),
    "headers of a form": (_form(), lambda n: FILE + b"a: b\r\n" * n, 6_000),
    "a header of a form that comes byte by byte": (_form(1), lambda n: FILE + b"a: " + b"b" * n, 6_000),
    "a name of a header that comes byte by byte": (_form(1), lambda n: FILE + b"b" * n, 6_000),
    "options of a header": (_form(), lambda n: b"--b\r\nContent-Disposition: form-data" + b'; a="b"' * n + b"\r\n\r\n", 6_000),
    "escapes in a header": (_form(), lambda n: b'--b\r\nContent-Disposition: form-data; name="' + b'\\"' * n + b'"\r\n\r\n', 20_000),
    "what is before the form": (_form(), lambda n: b"x\r\n" * n, 20_000),
    "one name for all columns": (_columns, lambda n: ",".join(["a"] * n) + "\n", 1_000),
    "columns with names of others": (_columns, lambda n: ",".join([*["a"] * (n // 2), *(f"a_{at}" for at in range(n // 2))]) + "\n", 1_000),
    "columns without names": (_columns, lambda n: "a" + "," * n + "\n", 990),
    "quotes in a header": (_columns, lambda n: '"a""b",' * n + "\n", 990),
    "a header that never ends": (_columns, lambda n: "a b c " * n, 30_000),
    "a quote in a header that never closes": (_columns, lambda n: '"' + "a\n" * n, 100_000),
    "blank lines before a header": (_columns, lambda n: "\n" * n + "a,b\n", 20_000),
    "rows": (_rows(csv_blocks), lambda n: "a,b\n" + "1,2\n" * n, 50_000),
    "rows with quotes": (_rows(csv_blocks), lambda n: "a,b\n" + '"1","2"\n' * n, 20_000),
    "short rows": (_rows(csv_chunks), lambda n: "a,b\n" + "1\n" * n, 10_000),
    "values over many lines": (_rows(csv_chunks), lambda n: "a,b\n" + ('"' + "1\n" * 50 + '",2\n') * n, 2_400),
    "a value over many lines": (_rows(csv_chunks), lambda n: 'a,b\n"' + "1\n" * n + '",2\n', 60_000),
    "quotes that never close": (_rows(csv_chunks), lambda n: "a,b\n" + '"1\n' * n, 20_000),
    "a row that comes in small pieces": (_rows(csv_chunks, 16), lambda n: "a,b\n" + "1" * n, 60_000),
    "JSON lines": (_rows(json_chunks), lambda n: '{"a": 1}\n' * n, 15_000),
    "blank JSON lines": (_rows(json_chunks), lambda n: "\n" * n, 100_000),
    "a JSON line that comes in small pieces": (_rows(json_chunks, 16), lambda n: '{"a": "' + "1" * n + '"}', 100_000),
    "brackets in a JSON line": (_rows(json_chunks), lambda n: '{"a": ' + "[" * n, 20_000),
    "escapes in a JSON line": (_rows(json_chunks), lambda n: '{"a": "' + "\\\\" * n + '\\\\u0000"}\n', 50_000),
    "nodes in a line": (_graph, lambda n: _line(variables(f"a{at}", {"x": 1}) for at in range(n)), 100),
    "nodes that read the first": (_graph, lambda n: _line(variables(f"a{at}", {"x": "{{nodes.start.a}}"}) for at in range(n)), 100),
    "nodes that read what comes later": (
        _graph,
        lambda n: _line(variables(f"a{at}", {"x": f"{{{{nodes.a{n - 1}.x}}}}"}) for at in range(n)),
        100,
    ),
    "nodes that read what is nowhere": (_graph, lambda n: _line(variables(f"a{at}", {"x": "{{nodes.b.x}}"}) for at in range(n)), 100),
    "expressions of a node": (_graph, lambda n: _line([variables("a", {f"x{at}": f"{{{{nodes.start.a{at}}}}}" for at in range(n)})]), 300),
    "branches of a node": (_graph, _switch, 100),
    "ways through a graph": (_graph, _ladder, 60),
    "a circle": (_graph, _circles, 200),
    "nodes with one uuid": (_graph, lambda n: [node("start"), *[variables("a", {"x": 1})] * n], 200),
    "brackets in a setting": (_graph, lambda n: _line([variables("a", {"x": _nested(n)})]), 40),
}


def _nested(depth: int) -> Any:
    held: Any = 1
    for _ in range(depth):
        held = [held]
    return held


@pytest.mark.parametrize("case", CASES)
def test_twice_as_much_takes_less_than_three_times_as_long(case: str) -> None:
    slowness = explain_slowness(CASES[case])
    assert slowness is None, f"{case}: {slowness}"
