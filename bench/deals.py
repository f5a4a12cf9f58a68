"""Deals: a model of deals, plays on the won ones, and the writes that wake them."""

from __future__ import annotations

from bench import graphs
from bench.report import Json
from bench.stand import Stand

WON: Json = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "stage", "operator": "is", "values": ["won"]}]}],
}


def model(stand: Stand) -> str:
    """The uuid of an empty model of deals, each with a stage."""
    found = stand.api.send("GET", "/storage/datasets/list")["datasets"]
    dataset = next(one["uuid"] for one in found if one["kind"] == "native")
    columns = [{"slug": slug, "type": "string", "label": slug} for slug in ("id", "stage")]
    config = {"columns": columns, "idColumnSlug": "id", "titleColumnSlug": "id"}
    asked = {"name": "Deals", "slug": "deals", "datasetUuid": dataset, "extractorSlug": "defineObject", "config": config}
    return str(stand.api.post("/storage/models", asked)["model"]["uuid"])


def play(stand: Stand, deals: str, name: str, schedule: Json) -> None:
    """An enabled play of two nodes on the won deals."""
    asked = {"name": name, "modelUuid": deals, "filter": WON, "schedule": schedule}
    made = stand.api.post("/orchestration/plays", asked)["play"]
    graph = {"workflowUuid": made["workflowUuid"], "nodes": graphs.two_native(), "formFields": None}
    stand.api.post("/orchestration/releases/draft/deploy", graph)
    stand.api.send("PUT", f"/orchestration/plays/{made['uuid']}", b'{"isEnabled":true}', **{"Content-Type": "application/json"})


def win(stand: Stand, deals: str, uid: str) -> None:
    """Write a deal that is won."""
    stand.api.post("/storage/records/create", {"modelUuid": deals, "data": {"id": uid, "stage": "won"}})
