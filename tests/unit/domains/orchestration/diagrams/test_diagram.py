"""Diagrams of graphs, as Mermaid and as plain text."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.actions import native_actions
from cargo_ai.domains.orchestration.diagrams import ascii_text, mermaid
from cargo_ai.domains.orchestration.diagrams.diagram_graph import Drawing, picture
from cargo_ai.domains.orchestration.diagrams.layout import lay_out
from cargo_ai.engine.graph.action_registry import Actions
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

HELD = [node("start", children=("end",)), node("end")]
GRAPH = [
    node("start", children=("check",)),
    node("check", "branch", ("loop", "end"), name='Is it "big" <b>?', config={"condition": True}),
    node("loop", "group", ("end",), config={"items": [1], "_nodes": HELD}),
    node("end"),
]

texts = st.text(max_size=12)


@st.composite
def graphs(draw: st.DrawFn) -> list[Body]:
    """Any list of nodes: circles, repeated slugs and uuids, ways that lead nowhere, groups in groups."""
    names = draw(st.lists(texts, min_size=1, max_size=6))
    found: list[Body] = []
    for name in names:
        children = draw(st.lists(st.one_of(st.none(), st.sampled_from(names), st.just("gone")), max_size=3))
        one = node(draw(texts), draw(st.sampled_from(["start", "branch", "switch", "group", "end"])))
        found.append(
            one | {"uuid": name, "name": draw(texts), "childrenUuids": children, "fallbackChildUuid": draw(st.sampled_from(names))}
        )
        if draw(st.booleans()) and len(found) > 1:
            found[-1]["config"] = {"_nodes": found[:-1]}
    return found


@given(graphs(), texts)
def test_any_graph_is_drawn_with_each_node_once_and_nothing_of_it_read_as_mermaid(nodes: list[Body], title: str) -> None:
    drawing = Drawing(picture(nodes, Actions(native_actions())), title)
    drawn = list(drawing.picture.every())
    assert len({one.key for one in drawn}) == len(drawn)
    text = mermaid.render(drawing)
    outside = re.sub(r'"[^"]*"', "", text)
    assert text.count('"') % 2 == 0
    assert set(re.findall(r"[^\w\s\[\](){}|,:.#=>-]", outside)) <= set()
    plain = ascii_text.render(drawing)
    for one in drawing.picture.nodes.values():
        before, after = {"end": "()", "choice": "<>", "service": "[]", "step": "[]", "group": "{}"}[one.form]
        assert f"{before}{one.slug.splitlines()[0] if one.slug.splitlines() else ''}" in plain and after


@given(graphs())
def test_any_graph_is_laid_out_without_overlaps_and_with_every_way(nodes: list[Body]) -> None:
    drawing = Drawing(picture(nodes, Actions(native_actions())))
    laid = lay_out(drawing)
    assert [box.key for box in laid.nodes] and len({box.key for box in laid.nodes}) == len(list(drawing.picture.every()))
    assert len(laid.ways) == sum(len(one.ways) for one in drawing.picture.every())
    boxes = {box.key: box for box in laid.nodes}
    for box in laid.nodes:
        outer = boxes[box.group] if box.group else None
        left, top, width, height = (outer.x, outer.y, outer.width, outer.height) if outer else (0, 0, laid.width, laid.height)
        assert left - 0.2 <= box.x and top - 0.2 <= box.y
        assert box.x + box.width <= left + width + 0.2 and box.y + box.height <= top + height + 0.2
    for box in laid.nodes:
        for other in laid.nodes:
            if box.key < other.key and box.group == other.group:
                apart = box.x + box.width <= other.x + 0.2 or other.x + other.width <= box.x + 0.2
                assert apart or box.y + box.height <= other.y + 0.2 or other.y + other.height <= box.y + 0.2


async def test_a_layout_has_positions_beside_the_plain_text(api: ApiClient) -> None:
    reply = await api.call("orchestration.node.diagram", nodes=GRAPH, format="layout")
    assert "(start)" in reply["diagram"]
    boxes = {box["key"]: box for box in reply["layout"]["nodes"]}
    assert [(box["slug"], box["form"], box["group"]) for box in boxes.values()] == [
        ("start", "end", None),
        ("check", "choice", None),
        ("loop", "group", None),
        ("start", "end", "n2"),
        ("end", "end", "n2"),
        ("end", "end", None),
    ]
    assert boxes["n0"]["y"] < boxes["n1"]["y"] < boxes["n2"]["y"] < boxes["n3"]["y"]
    assert [way["name"] for way in reply["layout"]["ways"] if way["source"] == "n1"] == ["yes", "no"]
    assert "layout" not in await api.call("orchestration.node.diagram", nodes=GRAPH)


async def test_a_graph_is_drawn_with_groups_inside(api: ApiClient) -> None:
    found = await api.call("orchestration.node.diagram", nodes=GRAPH, title="Big", highlight="loop", paid=["check"])
    assert found["format"] == "mermaid" and found["warnings"] == []
    text = found["diagram"]
    for line in (
        'title: "Big"',
        "flowchart TD",
        '  n0(["start"])',
        '  n1 -->|"yes"| n2',
        '  n1 -->|"no"| n3',
        '  subgraph n2["loop<br/>group"]',
        '    n2_0(["start"])',
        "  class n1 paid",
        "  class n2 highlight",
    ):
        assert line in text.splitlines(), text
    assert "#34;big#34; #60;b#62;?" in text


async def test_plain_text_shows_the_ways_and_draws_shared_nodes_once(api: ApiClient) -> None:
    found = await api.call("orchestration.node.diagram", nodes=GRAPH, format="ascii")
    assert found["diagram"].splitlines() == [
        "(start)",
        "|",
        '<check> Is it "big" <b>? (branch)',
        "+- yes",
        "|  {loop} (group)",
        "|  :  for each item",
        "|  :  (start)",
        "|  :  |",
        "|  :  (end)",
        "|  |",
        "|  (end)",
        "+- no",
        "   ^ (end)",
    ]


async def test_exactly_one_source_is_drawn(api: ApiClient, graph: list[Body]) -> None:
    tool, release = await api.deployed(graph)
    unknown = "0198a000-0000-7000-8000-000000000000"
    for source in (
        {"workflowUuid": tool["workflowUuid"]},
        {"workflowUuid": tool["workflowUuid"], "draft": True},
        {"releaseUuid": release["uuid"]},
    ):
        assert "n0 --> n1" in (await api.call("orchestration.node.diagram", **source))["diagram"]
    bad: list[tuple[dict[str, Any], str]] = [
        ({}, "invalidInput"),
        ({"nodes": GRAPH, "releaseUuid": release["uuid"]}, "invalidInput"),
        ({"releaseUuid": release["uuid"], "draft": True}, "invalidInput"),
        ({"workflowUuid": unknown}, "workflowNotFound"),
        ({"releaseUuid": unknown}, "releaseNotFound"),
        ({"runUuid": unknown}, "runNotFound"),
        ({"workflowUuid": (await api.tool())["workflowUuid"]}, "releaseNotFound"),
    ]
    for fields, reason in bad:
        assert (await api.refusal("orchestration.node.diagram", **fields))[1]["reason"] == reason


@pytest.mark.asyncio(loop_scope="module")
async def test_the_way_that_a_run_took_is_marked(backend: Backend) -> None:
    nodes = [GRAPH[0], GRAPH[1] | {"childrenUuids": ["more", "end"]}, node("more", "variables", ("end",)), GRAPH[3]]
    run = (await backend.run({}, nodes=nodes))["run"]
    text = (await backend.admin.call("orchestration.node.diagram", runUuid=run["uuid"]))["diagram"]
    assert "n0 ==> n1" in text and "class n0,n1,n2,n3 success" in text
    plain = await backend.admin.call("orchestration.node.diagram", runUuid=run["uuid"], format="ascii", highlight=["nowhere"])
    assert "[more] (variables) ok" in plain["diagram"] and plain["warnings"] == ["No node has the slug or uuid nowhere."]


WALK = [
    node("start", children=("loop",)),
    node("loop", "group", ("wait",), config={"items": [1, 2], "_nodes": HELD}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}),
    node("end"),
]


async def watched(backend: Backend, **fields: Any) -> list[Body]:
    """The pictures of a run, the one of the reply first, to the end of the stream."""
    first = await backend.admin.call("orchestration.node.diagram", watch=True, **fields)
    async with backend.admin.http.stream("GET", first["url"]) as reply:
        assert reply.status_code == 200
        return [first, *[json.loads(line) async for line in reply.aiter_lines()]]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_that_is_watched_is_drawn_again_for_every_step_until_it_ends(backend: Backend) -> None:
    made = (await backend.admin.call("orchestration.run.create", nodes=WALK, data={"minutes": 0.04}))["run"]
    # No one knows how far it is by now: the pictures begin there.
    pictures = await watched(backend, runUuid=made["uuid"], format="ascii")
    waiting = next(one for one in pictures if one["nodeSlug"] == "wait")
    assert waiting["runStatus"] in {"idle", "running", "pending"}
    assert "[wait] (delay) <- now" in waiting["diagram"].splitlines() and "{loop} (group) ok" in waiting["diagram"].splitlines()
    # What a group holds are nodes of other runs.
    assert ":  (end)" in waiting["diagram"].splitlines()
    last = pictures[-1]
    assert (last["runStatus"], last["nodeSlug"], last["url"]) == ("success", None, None)
    assert "(end) ok" in last["diagram"].splitlines() and "now" not in last["diagram"]
    assert all(one != other for one, other in pairwise(pictures[1:]))
    again = await backend.admin.call("orchestration.node.diagram", runUuid=made["uuid"], watch=True)
    assert again["url"] is None and again["runStatus"] == "success"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_that_waits_shows_where_and_for_how_many(backend: Backend) -> None:
    inner = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.value}}"}), node("end")]
    nodes = [
        node("start", children=("loop",)),
        node("loop", "group", ("end",), config={"items": [0, 60, 60], "_nodes": inner}),
        node("end"),
    ]
    run = (await backend.admin.call("orchestration.run.create", nodes=nodes, data={}))["run"]
    await backend.parked(run["uuid"])
    found = await backend.admin.call("orchestration.node.diagram", runUuid=run["uuid"], format="ascii", watch=True)
    assert re.search(r"^{loop} \(group\) <- now, [23] of 3 left$", found["diagram"], re.MULTILINE)
    assert (found["runStatus"], found["nodeSlug"]) == ("idle", "loop") and found["url"]
    unwatched = await backend.admin.call("orchestration.node.diagram", runUuid=run["uuid"])
    assert set(unwatched) == {"diagram", "format", "warnings"}
    text = unwatched["diagram"]
    assert "class n1 current" in text and "n0 ==> n1" in text and " of 3 left" in text
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])
    await backend.ended("runs", run["uuid"])


@pytest.mark.asyncio(loop_scope="module")
async def test_only_a_run_of_ones_own_is_watched(backend: Backend) -> None:
    run = (await backend.run({}, nodes=[node("start", children=("end",)), node("end")]))["run"]
    assert (await backend.other_api.refusal("orchestration.node.diagram", runUuid=run["uuid"], watch=True))[1]["reason"] == "runNotFound"
    assert (await backend.admin.refusal("orchestration.node.diagram", nodes=GRAPH, watch=True))[1]["reason"] == "invalidInput"
