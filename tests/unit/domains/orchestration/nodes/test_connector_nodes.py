"""Connectors in graphs, by real requests: filled in, held while they are used, free again afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.api_client import ApiClient
from tests.unit.domains.orchestration.plays.test_play import model

REQUEST = {"method": "GET", "url": "https://acme.com"}


@pytest.fixture
async def connector(api: ApiClient) -> str:
    """A connector of the http integration."""
    made = await api.call("connection.connector.create", integrationSlug="http", slug="web", name="Web")
    uuid: str = made["connector"]["uuid"]
    return uuid


@pytest.fixture
def calling(graph: Any) -> list[dict[str, Any]]:
    """start → http request → end, no connector named."""
    start, end = graph
    call = start | {"uuid": "call", "slug": "call", "kind": "connector", "integrationSlug": "http", "actionSlug": "request"}
    return [start | {"childrenUuids": ["call"]}, call | {"config": REQUEST, "childrenUuids": ["end"]}, end]


async def test_a_graph_with_a_connector_node_is_valid(api: ApiClient, calling: Any, connector: str) -> None:
    assert await api.call("orchestration.node.validate", nodes=calling) == {"outcome": "valid"}
    named = [calling[0], calling[1] | {"connectorUuid": connector}, calling[2]]
    assert await api.call("orchestration.node.validate", nodes=named) == {"outcome": "valid"}


async def test_a_connector_of_another_workspace_does_not_exist(other_api: ApiClient, calling: Any, connector: str) -> None:
    named = [calling[0], calling[1] | {"connectorUuid": connector}, calling[2]]
    reply = await other_api.call("orchestration.node.validate", nodes=named)
    assert [fault["reason"] for fault in reply["invalidNodes"]] == ["connectorNotFound"]


@pytest.mark.parametrize("named", [{}, {"connectorUuid": "__REPLACE_WITH_CONNECTOR_UUID__"}])
async def test_options_fill_in_the_connector_of_an_integration(api: ApiClient, calling: Any, connector: str, named: dict[str, str]) -> None:
    tool = await api.tool()
    nodes = [calling[0], calling[1] | named, calling[2]]
    options = {"connectorUuidsByIntegrationSlug": {"http": connector}}
    saved = await api.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=nodes, options=options)
    assert saved["release"]["nodes"][1] == calling[1] | {"connectorUuid": connector}
    again = await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"])
    assert again["release"]["nodes"][1]["connectorUuid"] == connector


async def test_options_fill_in_the_model_of_native_nodes_also_inside_groups(api: ApiClient, graph: Any) -> None:
    workflow, deals = (await api.tool())["workflowUuid"], await model(api)
    start, end = graph
    search = start | {
        "uuid": "search",
        "slug": "search",
        "actionSlug": "modelSearch",
        "config": {"modelUuid": "__REPLACE_WITH_MODEL_UUID__"},
    }
    group = start | {"uuid": "group", "slug": "group", "actionSlug": "group", "config": {"items": [], "_nodes": [search]}}
    saved = await api.call(
        "orchestration.draftRelease.update",
        workflowUuid=workflow,
        nodes=[start, search | {"config": {}}, group, end],
        options={"modelUuidsByIntegrationSlug": {"native": deals}},
    )
    _, outside, inside, _ = saved["release"]["nodes"]
    assert outside["config"] == {"modelUuid": deals} and inside["config"]["_nodes"][0]["config"] == {"modelUuid": deals}


async def test_a_deployed_tool_holds_its_connector_until_it_lets_go(api: ApiClient, graph: Any, calling: Any, connector: str) -> None:
    tool, _ = await api.deployed([calling[0], calling[1] | {"connectorUuid": connector}, calling[2]])
    status, body = await api.refusal("connection.connector.remove", uuid=connector)
    assert (status, body["reason"]) == (409, "connectorIsUsedInWorkflows")
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    await api.call("connection.connector.remove", uuid=connector)


async def test_moving_a_tool_keeps_its_connector_held_and_removing_it_frees_it(api: ApiClient, calling: Any, connector: str) -> None:
    tool, _ = await api.deployed([calling[0], calling[1] | {"connectorUuid": connector}, calling[2]])
    await api.call("orchestration.tool.update", uuid=tool["uuid"], folderUuid=None)
    assert (await api.refusal("connection.connector.remove", uuid=connector))[0] == 409
    await api.call("orchestration.tool.remove", uuid=tool["uuid"])
    await api.call("connection.connector.remove", uuid=connector)
