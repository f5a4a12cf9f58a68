"""Folders: one kind each, a name once per place, no circles, and only empty ones go."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from cargo_ai.context.removal import usages
from cargo_ai.contract.workspace.folder import CreateFolder
from cargo_ai.domains.workspace import folder
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Person

CREATE, LIST, GET, UPDATE, REMOVE = (f"workspaceManagement.folder.{verb}" for verb in ("create", "all", "get", "update", "remove"))


async def make(person: Person, name: str = "Inbound", **fields: Any) -> dict[str, Any]:
    return (await person.call(CREATE, **({"name": name, "emojiSlug": "inbox_tray", "kind": "tool"} | fields)))["folder"]


async def names(person: Person) -> list[str]:
    return [one["name"] for one in (await person.call(LIST))["folders"]]


async def refusal(asked: Any) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        await asked
    return refused.value.status, refused.value.reason


async def test_a_new_folder_has_every_field_of_the_contract_and_is_found(admin: Person) -> None:
    made = await make(admin)
    assert set(made) == {
        *("uuid", "parentUuid", "kind", "workspaceUuid", "name", "emojiSlug", "isReadOnly", "createdAt", "updatedAt", "deletedAt"),
    }
    assert (made["parentUuid"], made["isReadOnly"], made["deletedAt"]) == (None, False, None)
    assert (await admin.call(GET, uuid=made["uuid"]))["folder"] == made
    assert (await admin.call(LIST))["folders"] == [made]


@pytest.mark.parametrize("fields", [{"kind": "mailbox"}, {"name": ""}, {"emojiSlug": ""}, {"kind": None}])
async def test_bad_input_makes_no_folder(admin: Person, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await make(admin, **fields)
    assert await names(admin) == []


async def test_a_name_is_taken_once_per_kind_and_place(admin: Person) -> None:
    top = await make(admin, "A")
    assert await refusal(make(admin, "A")) == (409, "duplicateName")
    await make(admin, "A", kind="play")
    inner = await make(admin, "A", parentUuid=top["uuid"])
    assert await refusal(make(admin, "A", parentUuid=top["uuid"])) == (409, "duplicateName")
    assert await refusal(admin.call(UPDATE, uuid=inner["uuid"], parentUuid=None)) == (409, "duplicateName")
    other = await make(admin, "B")
    assert await refusal(admin.call(UPDATE, uuid=other["uuid"], name="A")) == (409, "duplicateName")
    assert (await admin.call(GET, uuid=other["uuid"]))["folder"]["name"] == "B"


async def test_a_taken_name_leaves_the_rest_of_the_transaction_usable(admin: Person) -> None:
    asked = CreateFolder(name="A", emoji_slug="hammer", kind="tool")
    async with admin.asking() as ctx:
        await folder.create(ctx, asked)
        with pytest.raises(Refusal, match="already a folder 'A'"):
            await folder.create(ctx, asked)
    assert await names(admin) == ["A"]


async def test_two_who_take_a_name_at_once_do_not_both_get_it(admin: Person) -> None:
    outcomes = await asyncio.gather(make(admin, "A"), make(admin, "A"), return_exceptions=True)
    assert [one.reason for one in outcomes if isinstance(one, Refusal)] == ["duplicateName"]
    assert await names(admin) == ["A"]


async def test_another_workspace_can_have_a_folder_of_the_same_name(admin: Person, other_caller: Person) -> None:
    await make(admin, "A")
    await make(other_caller, "A")
    assert await names(admin) == await names(other_caller) == ["A"]


async def test_a_folder_is_renamed_moved_and_ordered(admin: Person) -> None:
    first, second = await make(admin, "A"), await make(admin, "B")
    assert await names(admin) == ["A", "B"]
    await admin.call(UPDATE, uuid=second["uuid"], order=1)
    assert await names(admin) == ["B", "A"]
    changed = (await admin.call(UPDATE, uuid=second["uuid"], name="C", emojiSlug="star", parentUuid=first["uuid"]))["folder"]
    assert (changed["name"], changed["emojiSlug"], changed["parentUuid"]) == ("C", "star", first["uuid"])
    assert (await admin.call(UPDATE, uuid=second["uuid"], name="D"))["folder"]["parentUuid"] == first["uuid"]
    assert (await admin.call(UPDATE, uuid=second["uuid"], parentUuid=None))["folder"]["parentUuid"] is None


async def test_a_parent_is_a_living_folder_of_the_same_kind_and_workspace(admin: Person, other_caller: Person) -> None:
    play, theirs, gone = await make(admin, kind="play"), await make(other_caller), await make(admin, "Gone")
    await admin.call(REMOVE, uuid=gone["uuid"])
    assert await refusal(make(admin, "A", parentUuid=play["uuid"])) == (400, "invalidParent")
    for parent in (theirs["uuid"], gone["uuid"], str(ids.new()), "x"):
        assert await refusal(make(admin, "A", parentUuid=parent)) == (404, "folderNotFound")


async def test_a_folder_cannot_be_moved_into_itself_or_below(admin: Person) -> None:
    top = await make(admin, "A")
    middle = await make(admin, "B", parentUuid=top["uuid"])
    low = await make(admin, "C", parentUuid=middle["uuid"])
    for parent in (top, middle, low):
        assert await refusal(admin.call(UPDATE, uuid=top["uuid"], parentUuid=parent["uuid"])) == (400, "invalidParent")


async def test_two_moves_at_once_do_not_close_a_circle(admin: Person) -> None:
    one, two = await make(admin, "A"), await make(admin, "B")
    outcomes = await asyncio.gather(
        admin.call(UPDATE, uuid=one["uuid"], parentUuid=two["uuid"]),
        admin.call(UPDATE, uuid=two["uuid"], parentUuid=one["uuid"]),
        return_exceptions=True,
    )
    assert [one.reason for one in outcomes if isinstance(one, Refusal)] == ["invalidParent"]


async def test_an_empty_folder_goes_and_its_name_is_free_again(admin: Person) -> None:
    made = await make(admin, "A")
    assert await admin.call(REMOVE, uuid=made["uuid"]) == {"uuid": made["uuid"]}
    assert await names(admin) == []
    for ask in (admin.call(GET, uuid=made["uuid"]), admin.call(REMOVE, uuid=made["uuid"]), admin.call(UPDATE, uuid=made["uuid"], name="B")):
        assert await refusal(ask) == (404, "folderNotFound")
    await make(admin, "A")


async def test_a_folder_that_something_lies_in_stays_and_says_what(admin: Person) -> None:
    top = await make(admin, "A")
    inner = await make(admin, "B", parentUuid=top["uuid"])
    tool = ids.new()
    async with admin.asking() as ctx:
        await usages.replace(ctx.db, ctx.workspace, "tool", tool, [("folder", UUID(top["uuid"]))])
    with pytest.raises(Refusal, match=r"not empty.*1 folder, 1 tool") as refused:
        await admin.call(REMOVE, uuid=top["uuid"])
    assert (refused.value.status, refused.value.reason) == (409, "folderIsUsed")
    assert refused.value.details["usedBy"] == [{"kind": "folder", "uuid": inner["uuid"]}, {"kind": "tool", "uuid": str(tool)}]
    await admin.call(REMOVE, uuid=inner["uuid"])
    async with admin.asking() as ctx:
        await usages.replace(ctx.db, ctx.workspace, "tool", tool, [])
    await admin.call(REMOVE, uuid=top["uuid"])


async def test_a_folder_of_another_workspace_gets_the_same_answer_as_an_unknown_one(admin: Person, other_caller: Person) -> None:
    theirs, unknown = (await make(other_caller))["uuid"], str(ids.new())
    for operation in (GET, UPDATE, REMOVE):
        said: list[str] = []
        for named in (theirs, unknown):
            with pytest.raises(Refusal) as refused:
                await admin.call(operation, uuid=named)
            said.append(str(refused.value.to_wire("r")).replace(named, "<uuid>"))
        assert said[0] == said[1]
    assert await names(other_caller) == ["Inbound"]
