"""Traces of a real server: from the request over its run and nodes to the call of a service, at a collector that speaks OTLP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.peers.counting_service import counting_service
from tests.kit.peers.trace_receiver import Received, trace_receiver
from tests.kit.processes.real_server import Json, real_server, wait_until

pytestmark = pytest.mark.slow
SERVER, CLIENT = 2, 3
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def node(slug: str, kind: str = "native", children: tuple[str, ...] = (), **more: object) -> Json:
    fields: Json = {"uuid": slug, "slug": slug, "kind": kind, "actionSlug": slug, "config": {}, "childrenUuids": list(children)}
    return fields | more


def graph(connector: str) -> list[Json]:
    config = {"method": "POST", "url": "/enrich/secret-path"}
    inner = [node("start", children=("end",)), node("end", children=())]
    return [
        node("start", children=("enrich",)),
        node("enrich", "connector", ("each",), integrationSlug="http", actionSlug="request", connectorUuid=connector, config=config),
        node("each", children=("end",), actionSlug="group", config={"items": [1, 2], "failOnItemFailure": True, "_nodes": inner}),
        node("end", children=()),
    ]


def test_a_request_its_run_its_nodes_and_their_calls_are_one_trace(tmp_path: Path) -> None:
    with (
        trace_receiver() as receiver,
        counting_service() as service,
        real_server(tmp_path, workers=1, OTLP_ENDPOINT=receiver.url) as server,
    ):
        workflow = server.tool(graph(server.connector(service.url)))
        made = server.send("orchestration.run.create", None, {"traceparent": CALLER}, workflowUuid=workflow, data={"email": "a@b.example"})
        run = made.json()["run"]
        assert server.run_finished(run["uuid"])["run"]["status"] == "success"
        batch = server.batch(workflow, b"_id\nr1\nr2\n")
        assert server.finished(batch)["status"] == "success"

        def of(uid: str) -> list[Received]:
            return [span for span in receiver.spans() if span.trace == uid.replace("-", "")]

        wait_until(lambda: len(of(run["traceUuid"])) >= 13 and len(of(batch)) >= 25, 30, "the spans")
        spans = of(run["traceUuid"])
        by_id = {span.span: span for span in spans}
        (root,) = [span for span in spans if not span.parent]
        assert (root.name, root.kind, root.attributes["http.response.status_code"]) == ("orchestration.run.create", SERVER, 200)
        assert root.attributes["cargo.request"] == made.headers["x-request-id"]
        (top,) = [span for span in spans if span.parent == root.span]
        assert (top.name, top.attributes["cargo.run"], top.attributes["cargo.status"]) == ("run", run["uuid"], "success")
        assert top.attributes["cargo.workflow"] == workflow
        nodes = {span.name: span for span in spans if span.parent == top.span}
        assert nodes.keys() == {"start", "enrich", "each", "end"}
        (call,) = [span for span in spans if span.kind == CLIENT]
        assert by_id[call.parent] is nodes["enrich"] and call.attributes["http.response.status_code"] == 200
        # The items of a group are runs below its node.
        below = [span for span in spans if span.name == "run" and span is not top]
        assert len(below) == 2 and {span.parent for span in below} == {nodes["each"].span}
        assert all(span.parent in by_id for span in spans if span is not root)
        # What a batch does is below the request that began it.
        (begun,) = [span for span in of(batch) if not span.parent]
        assert begun.name == "orchestration.batch.create"
        assert sum(span.parent == begun.span for span in of(batch)) == 2
        # A request that begins nothing belongs to its caller's trace.
        server.client.get("/v1/workspaceManagement/workspaces", headers={"traceparent": CALLER})
        wait_until(lambda: any(span.trace == CALLER[3:35] and span.parent == CALLER[36:52] for span in receiver.spans()), 30, "its span")
        assert receiver.paths == {"/v1/traces"} and spans[0].resource["service.name"] == "cargo-ai"
        sent = str(receiver.spans())
        assert "secret-path" not in sent and "a@b.example" not in sent and server.token not in sent
