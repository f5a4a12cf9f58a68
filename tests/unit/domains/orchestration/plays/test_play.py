"""Plays, by real requests."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.domains.segmentation.changes import comparison
from cargo_ai.domains.segmentation.changes.watched_segments import ChangeDetector
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.kit.graphs import node
from tests.unit.domains.segmentation.changes.test_change_detection import settled

COLUMNS = [{"slug": slug, "type": "string", "label": slug.title()} for slug in ("id", "stage", "domain")]
WON = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "stage", "operator": "is", "values": ["won"]}]}],
}


async def model(api: ApiClient, slug: str = "deals") -> str:
    """A fresh model of deals."""
    default = next(one for one in (await api.call("storage.dataset.all"))["datasets"] if one["slug"] == "default")
    config = {"columns": COLUMNS, "idColumnSlug": "id", "titleColumnSlug": "id"}
    made = await api.call(
        "storage.model.create", name=slug.title(), slug=slug, datasetUuid=default["uuid"], extractorSlug="defineObject", config=config
    )
    return str(made["model"]["uuid"])


async def play(api: ApiClient, name: str = "Won deals", **fields: Any) -> Body:
    """A fresh play."""
    found: Body = (await api.call("orchestration.play.create", name=name, **fields))["play"]
    return found


async def deployed(api: ApiClient, made: Body, graph: list[Body]) -> None:
    """Deploy the graph to the play."""
    await api.call("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=graph, formFields=None)


async def test_a_new_play_owns_a_hidden_segment_and_a_workflow_and_is_disabled(api: ApiClient) -> None:
    deals = await model(api)

    made = await play(api, modelUuid=deals, filter=WON, changeKinds=["created", "updated"], limit=50, trackingColumnSlugs=["stage"])

    assert (made["changeKinds"], made["runCreationRule"], made["schedule"]) == (["added", "updated"], "always", None)
    assert (made["isEnabled"], made["healthThreshold"], made["healthAlertActions"]) == (False, 1, [])
    segment = (await api.call("segmentation.segment.get", uuid=made["segmentUuid"]))["segment"]
    assert (segment["fromPlay"], segment["name"], segment["limit"]) == (True, "GENERATED_PLAY_SEGMENT", 50)
    workflows = (await api.call("orchestration.workflow.all"))["workflows"]
    assert [(one["uuid"], one["playUuid"], one["toolUuid"]) for one in workflows] == [(made["workflowUuid"], made["uuid"], None)]


async def test_actions_of_an_alert_are_handed_out_as_they_were_given(api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api))
    action = {"kind": "native", "actionSlug": "script", "config": {"script": "return 1"}}

    changed = await api.call("orchestration.play.update", uuid=made["uuid"], healthAlertActions=[action])

    assert changed["play"]["healthAlertActions"] == [action]


async def test_actions_of_an_alert_that_name_what_is_not_there_are_refused(api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api))
    missing = "0198c5f0-0000-7000-8000-000000000001"
    actions: list[Body] = [
        {"kind": "tool", "toolUuid": missing, "config": {}},
        {"kind": "agent", "agentUuid": missing, "config": {"prompt": "Hello"}},
    ]

    status, body = await api.refusal("orchestration.play.update", uuid=made["uuid"], healthAlertActions=actions)

    assert (status, [error["path"] for error in body["errors"]]) == (400, ["healthAlertActions.0", "healthAlertActions.1"])
    assert "there is no tool" in body["errors"][0]["message"] and "There is no agent" in body["errors"][1]["message"]


async def test_change_kinds_come_as_one_text_too(api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api), changeKinds="created,removed")

    assert made["changeKinds"] == ["added", "removed"]


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"modelUuid": "019f0000-0000-7000-8000-000000000000"}, 404, "modelNotFound"),
        ({"folderUuid": "019f0000-0000-7000-8000-000000000000"}, 404, "folderNotFound"),
        ({"schedule": {"type": "cron", "cron": "often"}}, 400, "failedToSchedule"),
        ({"schedule": {"type": "cron", "cron": "0 9 * * *", "timeZone": "Mars"}}, 400, "failedToSchedule"),
        ({"schedule": {"type": "dependency", "playUuid": "019f0000-0000-7000-8000-000000000000"}}, 400, "failedToSchedule"),
        ({"schedule": {"type": "dbt", "jobId": "1"}}, 404, "integrationNotFound"),
        ({"trackingColumnSlugs": ["nowhere"]}, 400, "invalidFilter"),
        ({"changeKinds": ["moved"]}, 400, "invalidInput"),
        ({"changeKinds": []}, 400, "invalidInput"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_made(api: ApiClient, fields: Body, status: int, reason: str) -> None:
    deals = await model(api)

    found, body = await api.refusal("orchestration.play.create", name="Bad", **{"modelUuid": deals, **fields})

    assert (found, body["reason"]) == (status, reason)
    assert (await api.call("orchestration.play.list"))["plays"] == []
    assert (await api.call("segmentation.segment.all"))["segments"] == []


async def test_a_play_is_enabled_only_when_it_is_deployed(api: ApiClient, graph: list[Body]) -> None:
    made = await play(api, modelUuid=await model(api), schedule={"type": "cron", "cron": "0 9 * * 1", "timeZone": "Europe/Paris"})

    status, body = await api.refusal("orchestration.play.update", uuid=made["uuid"], isEnabled=True)
    assert (status, body["reason"]) == (400, "playNotDeployed")
    assert body["fix"] == "cargo-ai orchestration draft-release deploy --help"

    await deployed(api, made, graph)
    enabled = (await api.call("orchestration.play.update", uuid=made["uuid"], isEnabled=True))["play"]
    assert enabled["isEnabled"] and enabled["nextFireAt"] > enabled["updatedAt"]
    assert enabled["schedule"]["temporalScheduleWorkflowId"] == made["uuid"]
    disabled = (await api.call("orchestration.play.update", uuid=made["uuid"], isEnabled=False))["play"]
    assert (disabled["isEnabled"], disabled["nextFireAt"]) == (False, None)


async def test_an_enabled_play_without_a_schedule_says_that_nothing_starts_it(api: ApiClient, graph: list[Body]) -> None:
    made = await play(api, modelUuid=await model(api))
    await deployed(api, made, graph)

    (warning,) = await api.warnings("orchestration.play.update", uuid=made["uuid"], isEnabled=True)

    assert "no schedule" in warning


async def test_an_update_changes_what_is_given_and_the_segment_with_it(api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api), description="d", limit=5, filter=WON)

    changed = (
        await api.call(
            "orchestration.play.update",
            uuid=made["uuid"],
            name="Lost deals",
            description=None,
            limit=None,
            runCreationRule="once",
            healthThreshold=0.9,
            schedule={"type": "realtime"},
        )
    )["play"]

    assert (changed["name"], changed["description"], changed["runCreationRule"]) == ("Lost deals", None, "once")
    assert (changed["healthThreshold"], changed["schedule"], changed["changeKinds"]) == (0.9, {"type": "realtime"}, ["added"])
    segment = (await api.call("segmentation.segment.get", uuid=made["segmentUuid"]))["segment"]
    assert (segment["limit"], segment["filter"]["groups"][0]["conditions"][0]["columnSlug"]) == (None, "stage")


async def test_no_one_but_the_play_changes_or_removes_its_segment_and_its_model_stays(api: ApiClient) -> None:
    deals = await model(api)
    made = await play(api, modelUuid=deals)

    for name, fields in (("segmentation.segment.update", {"name": "Mine"}), ("segmentation.segment.remove", {})):
        status, body = await api.refusal(name, uuid=made["segmentUuid"], **fields)
        assert (status, body["reason"]) == (409, "segmentLinkedToWorkflow")
    status, body = await api.refusal("storage.model.remove", uuid=deals)
    assert (status, body["reason"]) == (409, "hasWorkflows")
    assert f'play "{made["name"]}"' in body["errorMessage"]
    named = [(user["kind"], user["uuid"], user["name"]) for user in body["users"]]
    assert named[0] == ("play", made["uuid"], made["name"])
    assert body["fix"] == f"cargo-ai orchestration play get {made['uuid']}"


async def test_the_segment_of_a_play_is_compared_on_demand_unless_the_play_does_it_itself(api: ApiClient) -> None:
    deals = await model(api)
    made = await play(api, modelUuid=deals)
    segment = made["segmentUuid"]
    await api.call("storage.record.create", modelUuid=deals, data={"id": "d1", "stage": "won"})
    by_hand = (await api.call("segmentation.change.create", segmentUuid=segment))["change"]
    assert by_hand["addedRecordsCount"] == 1

    await deployed(api, made, [node("start", children=("end",)), node("end")])
    await api.call("orchestration.play.update", uuid=made["uuid"], schedule={"type": "realtime"}, isEnabled=True)
    assert await api.refused("segmentation.change.create", segmentUuid=segment) == (409, "segmentLinkedToWorkflow")
    await api.call("orchestration.play.update", uuid=made["uuid"], isEnabled=False)
    await api.call("storage.record.create", modelUuid=deals, data={"id": "d2", "stage": "won"})
    assert (await api.call("segmentation.change.create", segmentUuid=segment))["change"]["addedRecordsCount"] == 1


async def test_the_segment_of_a_play_is_large_until_a_worker_has_looked_at_it(
    api: ApiClient, other_api: ApiClient, state: State, graph: list[Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "QUICK_ROWS", 2)
    deals = await model(api)
    await api.add(deals, *({"id": f"d{number}", "stage": "won"} for number in range(5)))
    made = await play(api, modelUuid=deals, filter=WON, schedule={"type": "realtime"})
    await deployed(api, made, graph)
    assert made["isPreparing"] is False

    response = await api.send("orchestration.play.update", uuid=made["uuid"], isEnabled=True)

    assert response.json()["play"]["isPreparing"] is True and "a worker looks at its records first" in response.headers["x-cargo-warnings"]
    (item,) = (await api.call("orchestration.queue.get"))["items"]
    assert (item["reason"], item["segmentUuid"], item["fix"]) == (
        "comparing", made["segmentUuid"], f"cargo-ai orchestration play get {made['uuid']}"
    )  # fmt: skip
    assert (await other_api.call("orchestration.queue.get"))["items"] == []
    assert "Won deals" in item["sentence"]
    for kind in ("cron", "realtime"):
        # From one schedule to another, what was begun is not begun again.
        schedule = {"type": kind} | ({"cron": "0 0 1 1 *"} if kind == "cron" else {})
        again = (await api.call("orchestration.play.update", uuid=made["uuid"], schedule=schedule))["play"]
        assert again["isPreparing"] is True
    await api.call("storage.record.update", modelUuid=deals, id="d0", data={"stage": "lost"})
    await settled(state, ChangeDetector(state.database))
    assert (await api.call("orchestration.play.get", uuid=made["uuid"]))["play"]["isPreparing"] is False
    (change,) = (await api.call("segmentation.change.list", segmentUuid=made["segmentUuid"]))["changes"]
    assert (change["addedRecordsCount"], change["removedRecordsCount"], change["totalRecordsCount"]) == (0, 1, 4)
    assert (await api.call("orchestration.queue.get"))["items"] == []


async def test_removing_a_play_takes_its_segment_and_workflow_along(api: ApiClient) -> None:
    deals = await model(api)
    made = await play(api, modelUuid=deals)

    await api.call("orchestration.play.remove", uuid=made["uuid"])

    assert (await api.refusal("orchestration.play.get", uuid=made["uuid"]))[1]["reason"] == "playNotFound"
    assert (await api.call("segmentation.segment.all"))["segments"] == []
    assert (await api.call("orchestration.workflow.all"))["workflows"] == []
    await api.call("storage.model.remove", uuid=deals)


async def test_a_play_whose_segment_or_batches_someone_uses_stays(api: ApiClient) -> None:
    deals = await model(api)
    made = await play(api, modelUuid=deals, name="First")
    after = await play(api, modelUuid=deals, name="Second", schedule={"type": "dependency", "playUuid": made["uuid"]})

    status, body = await api.refusal("orchestration.play.remove", uuid=made["uuid"])
    assert (status, body["reason"]) == (409, "playIsUsed") and "Second" in body["errorMessage"]

    await api.call("orchestration.play.update", uuid=after["uuid"], schedule=None)
    condition = {"kind": "segment", "operator": "in", "segmentUuid": made["segmentUuid"]}
    inside = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}
    other = (await api.call("segmentation.segment.create", name="Inside", modelUuid=deals, filter=inside))["segment"]
    status, body = await api.refusal("orchestration.play.remove", uuid=made["uuid"])
    assert (status, body["reason"]) == (409, "failedToRemoveSegment") and other["uuid"] in body["errorMessage"]
    assert (await api.call("segmentation.segment.get", uuid=made["segmentUuid"]))["segment"]["deletedAt"] is None


async def test_a_play_cannot_wait_for_itself_not_even_through_others(api: ApiClient) -> None:
    deals = await model(api)
    first = await play(api, modelUuid=deals, name="First")
    second = await play(api, modelUuid=deals, name="Second", schedule={"type": "dependency", "playUuid": first["uuid"]})
    third = await play(api, modelUuid=deals, name="Third", schedule={"type": "dependency", "playUuid": second["uuid"]})

    for waits_for in (first, third):
        schedule = {"type": "dependency", "playUuid": waits_for["uuid"]}
        status, body = await api.refusal("orchestration.play.update", uuid=first["uuid"], schedule=schedule)
        assert (status, body["reason"]) == (400, "failedToSchedule") and "itself" in body["errorMessage"]


async def test_lists_are_reported_apart_by_state_model_segment_schedule_and_folder(api: ApiClient, graph: list[Body]) -> None:
    deals, people = await model(api), await model(api, "people")
    folder = (await api.call("workspaceManagement.folder.create", name="Q1", emojiSlug="rocket", kind="play"))["folder"]["uuid"]
    first = await play(api, modelUuid=deals, schedule={"type": "cron", "cron": "@every 1h"})
    second = await play(api, modelUuid=people, folderUuid=folder)
    await deployed(api, first, graph)
    await api.call("orchestration.play.update", uuid=first["uuid"], isEnabled=True)

    async def listed(**fields: Any) -> list[str]:
        return [one["uuid"] for one in (await api.call("orchestration.play.list", **fields))["plays"]]

    assert await listed() == [second["uuid"], first["uuid"]]
    assert await listed(isEnabled=True) == await listed(scheduleType="cron") == await listed(modelUuid=deals) == [first["uuid"]]
    assert await listed(isEnabled=False) == await listed(folderUuid=folder) == [second["uuid"]]
    assert await listed(segmentUuid=second["segmentUuid"]) == [second["uuid"]]
    assert await listed(scheduleType="watch") == []
    assert (await api.refusal("workspaceManagement.folder.remove", uuid=folder))[0] == 409


async def test_another_workspace_sees_nothing_of_it(api: ApiClient, other_api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api))

    assert (await other_api.call("orchestration.play.list"))["plays"] == []
    for name, fields in (
        ("orchestration.play.get", {}),
        ("orchestration.play.update", {"name": "Mine"}),
        ("orchestration.play.remove", {}),
    ):
        status, body = await other_api.refusal(name, uuid=made["uuid"], **fields)
        assert (status, body["reason"]) == (404, "playNotFound")


async def test_a_single_run_of_a_play_is_refused_with_the_command_for_a_batch(api: ApiClient, graph: list[Body]) -> None:
    made = await play(api, modelUuid=await model(api))
    await deployed(api, made, graph)

    status, body = await api.refusal("orchestration.run.create", workflowUuid=made["workflowUuid"], data={})

    assert (status, body["reason"]) == (400, "playNotCompatible")
    assert "batch create" in body["fix"]
