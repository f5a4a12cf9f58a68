"""Rules of users about single things: they hold for the requests that name the thing, and for no other."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Joining, Person

UPSERT, REMOVE = "workspaceManagement.user.upsertPermission", "workspaceManagement.user.removePermission"
THING, OTHER = str(ids.new()), str(ids.new())


async def again(person: Person, enter: Entering) -> Person:
    return await enter((await person.call("workspaceManagement.token.rotate", uuid=str(person.who.token_uuid)))["token"]["token"])


async def test_a_denial_holds_for_requests_that_name_the_thing(admin: Person, join: Joining, enter: Entering) -> None:
    ann = await join("ann@example.com", "member")
    rule: dict[str, Any] = {"action": "orchestration:workflow:write", "resourceUuid": THING.upper(), "effect": "deny"}
    assert await admin.call(UPSERT, **rule, emails=["Ann@example.com"]) == {"count": 1}
    who = (await again(ann, enter)).who
    assert not who.may("orchestration:workflow:write", {THING, OTHER})
    assert who.may("orchestration:workflow:write", {OTHER}) and who.may("orchestration:workflow:write")
    assert await admin.call(REMOVE, userUuid=str(ann.who.user_uuid), resourceUuid=THING, effect="deny") == {"count": 1}
    assert (await again(ann, enter)).who.may("orchestration:workflow:write", {THING})


async def test_what_is_allowed_with_one_thing_is_not_with_others(admin: Person, join: Joining, enter: Entering) -> None:
    ann = await join("ann@example.com", "viewer")
    rule: dict[str, Any] = {"action": "storage:write", "resourceUuid": THING, "effect": "allow"}
    for _ in range(2):
        assert await admin.call(UPSERT, **rule, userUuids=[str(ann.who.user_uuid)]) == {"count": 1}
    who = (await again(ann, enter)).who
    assert who.may("storage:write", {THING})
    assert not who.may("storage:write", {THING, OTHER}) and not who.may("storage:write")
    (user,) = [user for user in (await admin.call("workspaceManagement.user.all"))["users"] if user["email"] == "ann@example.com"]
    assert len(user["permissions"]) == 1


async def test_admins_and_unknown_users_are_refused(admin: Person) -> None:
    rule: dict[str, Any] = {"action": "storage:read", "resourceUuid": THING, "effect": "deny"}
    for users, reason in (
        ({"userUuids": [str(admin.who.user_uuid)]}, "failedToUpsertPermissions"),
        ({"emails": ["who@example.com"]}, "failedToCreateUsers"),
        ({"userUuids": [OTHER]}, "invalidUsers"),
        ({}, "invalidUsers"),
    ):
        with pytest.raises(Refusal) as refused:
            await admin.call(UPSERT, **rule, **users)
        assert refused.value.reason == reason
