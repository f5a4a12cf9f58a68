"""A model of deals, plays on the won ones, and the writes that start them."""

from __future__ import annotations

from bench import graphs
from bench.report import Json
from bench.temporary_server import TemporaryServer

WON: Json = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "stage", "operator": "is", "values": ["won"]}]}],
}


def model(server: TemporaryServer) -> str:
    """The uuid of an empty model of deals, each with a stage."""
    found = server.api.send("GET", "/storage/datasets/list")["datasets"]
    dataset = next(one["uuid"] for one in found if one["kind"] == "native")
    columns = [{"slug": slug, "type": "string", "label": slug} for slug in ("id", "stage")]
    config = {"columns": columns, "idColumnSlug": "id", "titleColumnSlug": "id"}
    asked = {"name": "Deals", "slug": "deals", "datasetUuid": dataset, "extractorSlug": "defineObject", "config": config}
    return str(server.api.post("/storage/models", asked)["model"]["uuid"])


def play(server: TemporaryServer, deals: str, name: str, schedule: Json) -> None:
    """An enabled play of two nodes on the won deals."""
    asked = {"name": name, "modelUuid": deals, "filter": WON, "schedule": schedule}
    made = server.api.post("/orchestration/plays", asked)["play"]
    graph = {"workflowUuid": made["workflowUuid"], "nodes": graphs.two_native(), "formFields": None}
    server.api.post("/orchestration/releases/draft/deploy", graph)
    server.api.send("PUT", f"/orchestration/plays/{made['uuid']}", b'{"isEnabled":true}', **{"Content-Type": "application/json"})


def win(server: TemporaryServer, deals: str, uid: str) -> None:
    """Write a deal that is won."""
    server.api.post("/storage/records/create", {"modelUuid": deals, "data": {"id": uid, "stage": "won"}})
