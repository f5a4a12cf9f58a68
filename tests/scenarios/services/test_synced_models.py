"""A model that is filled from HubSpot, and a play on it that writes to HubSpot: the circle comes to rest."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.kit.processes.real_server import RealServer, wait_until
from tests.scenarios.story import graphs
from tests.simulators.hubspot.server import Running

EVERYBODY: dict[str, Any] = {"conjonction": "and", "groups": []}


def write_back(connector: str) -> list[dict[str, Any]]:
    """Set a property of the contact that the record is, which comes back with the next sync."""
    config = {
        "objectType": "contacts",
        "matchingPropertyName": "hs_object_id",
        "matchingValue": "{{nodes.start.hs_object_id}}",
        "mappings": {"city": "Ulm"},
    }
    connected = {"kind": "connector", "integrationSlug": "hubspot", "connectorUuid": connector}
    return [graphs.start("write"), graphs.node("write", "updateRecords", config, ("end",), **connected), graphs.end(done="yes")]


@pytest.mark.slow
def test_a_play_that_writes_to_the_service_its_model_comes_from_settles(server: RealServer, hubspot_service: Running) -> None:
    hubspot_service.control.reset()
    contacts = hubspot_service.control.account.type_named("contacts")
    people = [contacts.create({"email": f"p{number}@example.com", "city": "Bonn"}) for number in range(20)]
    account = {"method": "privateApp", "accessToken": hubspot_service.key}
    slug = f"circle{time.time_ns()}"
    made = server.call("connection.connector.create", integrationSlug="hubspot", slug=slug, name="Circle", config=account)
    connector = made["connector"]["uuid"]
    datasets = server.call("storage.dataset.all")["datasets"]
    dataset = next(one["uuid"] for one in datasets if one["connectorUuid"] == connector)
    config = {"objectType": "contacts", "columnSelectionMode": "selected", "properties": ["city", "lastmodifieddate"]}
    asked = {"slug": "circle", "name": "Circle", "datasetUuid": dataset, "extractorSlug": "fetchRecords", "config": config}
    model = server.call("storage.model.create", **asked)["model"]["uuid"]

    def run() -> Any:
        return server.call("storage.run.list", modelUuid=model)["runs"][0]

    wait_until(lambda: run()["status"] == "success", 60, "the first sync")
    play = server.call(
        "orchestration.play.create",
        name=slug, modelUuid=model, filter=EVERYBODY, schedule={"type": "realtime"}, changeKinds=["added", "updated"],
    )["play"]  # fmt: skip
    server.call("orchestration.draftRelease.deploy", workflowUuid=play["workflowUuid"], nodes=write_back(connector), formFields=None)
    server.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True)

    def runs() -> int:
        return int(server.value("select count(*) from runs where workflow_uuid = %s and status = 'success'", play["workflowUuid"]))

    def synced() -> dict[str, int]:
        server.call("storage.run.create", modelUuid=model)
        wait_until(lambda: run()["status"] == "success", 60, "the sync")
        counts: dict[str, int] = run()["counts"]
        return counts

    for person in people[:5]:
        contacts.update(person, {"city": "Kiel"})
    # What people changed starts the play. Its writes come back as a change, and start nothing.
    assert synced()["updated"] == 5
    wait_until(lambda: runs() == 5, 60, "the play")
    assert {person.values["city"] for person in people[:5]} == {"Ulm"}
    written = len(hubspot_service.control.sent("POST", "batch/update$"))
    assert synced()["updated"] == 5
    # From then on nothing changes, however often it is looked: neither here nor there.
    for _ in range(3):
        assert (synced()["updated"], runs()) == (0, 5)
    assert len(hubspot_service.control.sent("POST", "batch/update$")) == written
