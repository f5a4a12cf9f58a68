"""Nodes that name no connector are shown with their integration's default one, and found by it."""

from __future__ import annotations

import pytest

from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_AGO = "2020-01-01"


async def test_the_default_connector_is_shown_and_finds_what_used_it(backend: Backend) -> None:
    admin = backend.admin
    made = [
        (await admin.call("connection.connector.create", integrationSlug="http", slug=slug, name=slug))["connector"]["uuid"]
        for slug in ("web_one", "web_two")
    ]
    await admin.call("connection.connector.update", uuid=made[1], isDefault=True)
    call = node(
        "call", "request", ("end",), kind="connector", integrationSlug="http", config={"method": "GET", "url": "http://127.0.0.1:1"}
    )
    other = {**call, "uuid": "other", "slug": "other", "connectorUuid": made[0], "childrenUuids": ["call"]}
    tool, _ = await admin.deployed(
        [node("start", children=("other",)), {**other, "fallbackOnFailure": True, "fallbackChildUuid": "call"}, call, node("end")]
    )
    run = (await backend.run({"_id": "r"}, workflowUuid=tool["workflowUuid"]))["run"]
    listed = (await admin.call("orchestration.run.list", workflowUuid=tool["workflowUuid"]))["runs"][0]
    for shown in (run, listed):
        assert [one["nodeConnectorUuid"] for one in shown["executions"] if "nodeConnectorUuid" in one] == made

    async def found(connector: str) -> list[tuple[str, str]]:
        asked = {"executionStartedAfter": LONG_AGO, "workflowUuid": tool["workflowUuid"], "nodeConnectorUuid": connector}
        spans = (await admin.call("orchestration.span.list", **asked))["spans"]
        assert (await admin.call("orchestration.span.count", **asked))["count"] == len(spans)
        return [(span["nodeSlug"], span["nodeConnectorUuid"]) for span in spans]

    assert await found(made[0]) == [("other", made[0])]
    assert await found(made[1]) == [("call", made[1])]
    await admin.call("connection.connector.update", uuid=made[0], isDefault=True)
    assert await found(made[0]) == [("call", made[0]), ("other", made[0])]
