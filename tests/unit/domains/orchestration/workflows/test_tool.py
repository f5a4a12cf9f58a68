"""Tools, by real requests."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from cargo_ai.context.removal import usages
from cargo_ai.domains.orchestration.tables import Tool
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body

FORM: dict[str, Any] = {
    "isEnabled": True,
    "allowedOrigins": ["https://acme.com"],
    "spam": {"captchaProvider": "turnstile", "captchaSiteKey": "site", "captchaSecret": "hush", "minFillMillis": 500},
    "presentation": None,
}


async def test_a_new_tool_has_a_workflow_an_empty_draft_and_a_hammer(api: ApiClient) -> None:
    made = await api.tool("Company tier")
    assert made["name"] == "Company tier"
    assert made["icon"] == {"kind": "emoji", "emojiSlug": "hammer"}
    assert made["creditsCost"] == {"kind": "minMax"}
    assert (made["triggers"], made["isReadOnly"], made["publicForm"], made["deletedAt"], made["folderUuid"]) == (
        [],
        False,
        None,
        None,
        None,
    )
    draft = (await api.call("orchestration.draftRelease.get", workflowUuid=made["workflowUuid"]))["release"]
    assert (draft["status"], draft["nodes"], draft["version"], draft["formFields"]) == ("draft", [], None, None)


@pytest.mark.parametrize("name", ["", "   ", None, "x" * 201])
async def test_a_tool_needs_a_name(api: ApiClient, name: str | None) -> None:
    status, body = await api.refusal("orchestration.tool.create", name=name)
    assert (status, body["reason"], body["errors"][0]["path"]) == (400, "invalidInput", "name")
    assert (await api.call("orchestration.tool.all"))["tools"] == []


async def test_tools_are_listed_newest_first(api: ApiClient) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await api.tool(name)
    assert [tool["name"] for tool in (await api.call("orchestration.tool.all"))["tools"]] == names[::-1]


async def test_what_is_absent_in_an_update_stays_and_null_clears(api: ApiClient) -> None:
    made = (await api.call("orchestration.tool.create", name="Tier", description="by size"))["tool"]
    renamed = (await api.call("orchestration.tool.update", uuid=made["uuid"], name="Tier, EU"))["tool"]
    assert (renamed["name"], renamed["description"]) == ("Tier, EU", "by size")
    cleared = (await api.call("orchestration.tool.update", uuid=made["uuid"], description=None))["tool"]
    assert (cleared["name"], cleared["description"]) == ("Tier, EU", None)
    assert (await api.call("orchestration.tool.get", uuid=made["uuid"]))["tool"] == cleared


async def test_a_tool_lies_in_a_folder_which_then_cannot_be_removed(api: ApiClient) -> None:
    folder = (await api.call("workspaceManagement.folder.create", name="Q1", emojiSlug="rocket", kind="tool"))["folder"]["uuid"]
    made = await api.tool()
    await api.call("orchestration.tool.update", uuid=made["uuid"], folderUuid=folder)
    await api.tool("elsewhere")
    assert [tool["uuid"] for tool in (await api.call("orchestration.tool.all", folderUuid=folder))["tools"]] == [made["uuid"]]
    status, _ = await api.refusal("workspaceManagement.folder.remove", uuid=folder)
    assert status == 409
    await api.call("orchestration.tool.update", uuid=made["uuid"], folderUuid=None)
    await api.call("workspaceManagement.folder.remove", uuid=folder)


@pytest.mark.parametrize("folder", [str(uuid.UUID(int=7)), "not-a-uuid"])
async def test_an_unknown_folder_is_refused_and_nothing_is_made(api: ApiClient, folder: str) -> None:
    status, body = await api.refusal("orchestration.tool.create", name="Tier", folderUuid=folder)
    assert (status, body["reason"]) == (404, "folderNotFound")
    assert (await api.call("orchestration.tool.all"))["tools"] == []


async def test_a_trigger_keeps_its_schedule_until_it_is_changed(api: ApiClient) -> None:
    made = await api.tool()
    monday: Body = {"name": "Monday", "type": "cron", "cron": "0 9 * * 1", "data": {}}

    (first,) = (await api.call("orchestration.tool.update", uuid=made["uuid"], triggers=[monday]))["tool"]["triggers"]
    assert (first["description"], first["timeZone"], first["lastFireAt"], first["problem"]) == (None, None, None, None)
    assert first["nextFireAt"] > made["createdAt"]

    # What a reply shows may be sent back as it is, and a lone trigger is a list of one.
    reply = await api.send("orchestration.tool.update", uuid=made["uuid"], triggers=first)
    assert (reply.status_code, reply.headers.get("x-cargo-warnings")) == (200, None)
    assert reply.json()["tool"]["triggers"] == [first]
    moved = monday | {"timeZone": "America/New_York"}
    (second,) = (await api.call("orchestration.tool.update", uuid=made["uuid"], triggers=[moved]))["tool"]["triggers"]
    assert second["temporalScheduleWorkflowId"] != first["temporalScheduleWorkflowId"]
    assert (await api.call("orchestration.tool.all"))["tools"][0]["triggers"] == [second]
    assert (await api.call("orchestration.tool.update", uuid=made["uuid"], triggers=[]))["tool"]["triggers"] == []


async def test_a_trigger_whose_cron_is_none_is_named_and_changes_nothing(api: ApiClient) -> None:
    made = await api.tool()
    good = {"name": "Good", "cron": "@every 1h"}

    status, body = await api.refusal("orchestration.tool.update", uuid=made["uuid"], triggers=[good, {"name": "Bad", "cron": "daily"}])

    assert (status, body["errors"][0]["path"]) == (400, "triggers.1.cron")
    assert (await api.call("orchestration.tool.get", uuid=made["uuid"]))["tool"]["triggers"] == []


async def test_the_captcha_secret_is_sealed_hidden_and_kept(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    made = await api.tool()
    shown = (await api.call("orchestration.tool.update", uuid=made["uuid"], publicForm=FORM))["tool"]["publicForm"]
    assert shown["spam"]["captchaSecret"] == "***"
    await api.call("orchestration.tool.update", uuid=made["uuid"], publicForm=shown | {"isEnabled": False})
    async with state.database.session(first_workspace.workspace_uuid) as db:
        row = (await db.scalars(select(Tool))).one()
        assert row.sealed_captcha_secret is not None
        assert state.secrets.open(row.sealed_captcha_secret) == b"hush"
        assert "hush" not in str(row.public_form)


async def test_a_removed_tool_is_gone_from_every_list_but_its_releases_can_be_read(api: ApiClient, graph: Any) -> None:
    made, release = await api.deployed(graph)
    assert (await api.call("orchestration.tool.remove", uuid=made["uuid"]))["uuid"] == made["uuid"]
    assert (await api.call("orchestration.tool.all"))["tools"] == []
    assert (await api.call("orchestration.workflow.all"))["workflows"] == []
    assert (await api.call("orchestration.release.list"))["releases"] == []
    assert (await api.call("orchestration.release.get", uuid=release["uuid"]))["release"]["nodes"] == release["nodes"]
    for name in ("get", "update", "remove"):
        status, body = await api.refusal(f"orchestration.tool.{name}", uuid=made["uuid"])
        assert (status, body["reason"]) == (404, "toolNotFound")


async def test_a_tool_that_another_one_uses_is_not_removed(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    used, user = await api.tool("Finder"), await api.tool("Caller")
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await usages.replace(db, first_workspace.workspace_uuid, "tool", uuid.UUID(user["uuid"]), [("tool", uuid.UUID(used["uuid"]))])
        await db.commit()
    status, body = await api.refusal("orchestration.tool.remove", uuid=used["uuid"])
    assert (status, body["reason"]) == (409, "toolIsUsed")
    assert 'the tool "Caller"' in body["errorMessage"]
    await api.call("orchestration.tool.remove", uuid=user["uuid"])
    await api.call("orchestration.tool.remove", uuid=used["uuid"])


async def test_a_read_only_tool_is_neither_changed_nor_removed(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    made = await api.tool()
    async with state.database.session(first_workspace.workspace_uuid) as db:
        (await db.scalars(select(Tool))).one().is_read_only = True
        await db.commit()
    for name in ("update", "remove"):
        status, body = await api.refusal(f"orchestration.tool.{name}", uuid=made["uuid"])
        assert (status, body["reason"]) == (409, "toolIsReadOnly")


async def test_a_tool_of_another_workspace_does_not_exist(api: ApiClient, other_api: ApiClient) -> None:
    made = await api.tool()
    for name in ("get", "update", "remove"):
        foreign = await other_api.refusal(f"orchestration.tool.{name}", uuid=made["uuid"])
        unknown = await other_api.refusal(f"orchestration.tool.{name}", uuid=str(ids.new()))
        assert foreign[0] == unknown[0] == 404
        assert foreign[1]["reason"] == unknown[1]["reason"] == "toolNotFound"
    assert (await other_api.call("orchestration.tool.all"))["tools"] == []
    assert (await other_api.call("orchestration.workflow.all"))["workflows"] == []
