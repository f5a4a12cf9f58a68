"""The check of graphs, by real requests: every documented reason that native nodes, connectors and tools can give."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel import ids
from tests.kit.api_client import ApiClient

VALIDATE = "orchestration.node.validate"


def changed(graph: list[dict[str, Any]], slug: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [node | fields if node["slug"] == slug else node for node in graph]


async def faults(api: ApiClient, nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    reply = await api.call(VALIDATE, nodes=nodes)
    assert reply["outcome"] == "notValid"
    assert all(fault["message"] for fault in reply["invalidNodes"])
    return [(fault["node"]["slug"], fault["reason"]) for fault in reply["invalidNodes"]]


async def test_a_good_graph_is_valid_and_nothing_else_is_said(api: ApiClient, graph: Any) -> None:
    assert await api.call(VALIDATE, nodes=graph) == {"outcome": "valid"}


async def test_a_graph_without_start_is_named(api: ApiClient, graph: Any) -> None:
    assert ("start", "startNodeNotFound") in await faults(api, graph[1:])
    assert ("start", "startNodeNotFound") in await faults(api, [])


@pytest.mark.parametrize(
    ("slug", "fields", "reason"),
    [
        ("start", {"childrenUuids": ["nowhere"]}, "nodesNotFound"),
        ("start", {"fallbackChildUuid": "nowhere"}, "nodesNotFound"),
        ("start", {"childrenUuids": ["end", "end"]}, "childrenUuidsInvalid"),
        ("start", {"childrenUuids": []}, "childrenUuidsInvalid"),
        ("end", {"actionSlug": "teleport"}, "nativeInvalid"),
        ("end", {"slug": "the-end"}, "slugInvalid"),
        (
            "end",
            {"config": {"variables": [{"name": "a", "type": "string", "value": "{{nodes.start.tags.map(t => }}"}]}},
            "expressionInvalid",
        ),
        ("end", {"kind": "tool", "toolUuid": str(ids.new())}, "toolInvalid"),
        (
            "end",
            {"kind": "connector", "integrationSlug": "http", "actionSlug": "request", "connectorUuid": str(ids.new())},
            "connectorNotFound",
        ),
        ("end", {"kind": "connector", "integrationSlug": "nowhere", "actionSlug": "request"}, "actionNotFound"),
    ],
)
async def test_a_fault_is_named_with_its_node(api: ApiClient, graph: Any, slug: str, fields: dict[str, Any], reason: str) -> None:
    expected = fields.get("slug", slug)
    assert await faults(api, changed(graph, slug, fields)) == [(expected, reason)]


async def test_a_circle_is_a_fault_of_its_nodes(api: ApiClient, graph: Any) -> None:
    loop = {"kind": "native", "actionSlug": "variables", "config": {}, "position": {"x": 0, "y": 0}, "fallbackOnFailure": False}
    nodes = [
        *changed(graph, "start", {"childrenUuids": ["a"]})[:1],
        loop | {"uuid": "a", "slug": "a", "childrenUuids": ["b"]},
        loop | {"uuid": "b", "slug": "b", "childrenUuids": ["a"]},
    ]
    assert {("a", "childrenUuidsInvalid"), ("b", "childrenUuidsInvalid")} <= set(await faults(api, nodes))


async def test_nothing_is_saved_by_looking(api: ApiClient, graph: Any) -> None:
    await api.call(VALIDATE, nodes=graph)
    assert (await api.call("orchestration.workflow.all"))["workflows"] == []


@pytest.mark.parametrize("nodes", [None, "x", [1], [{"uuid": "a"}], {"a": 1}])
async def test_what_is_no_list_of_nodes_is_bad_input(api: ApiClient, nodes: Any) -> None:
    status, body = await api.refusal(VALIDATE, nodes=nodes)
    assert (status, body["reason"]) == (400, "invalidInput")
