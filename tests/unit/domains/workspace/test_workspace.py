"""The workspace itself, its roles, and the caller's own account."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cargo_ai.contract.workspace.members.permission import DOMAINS
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Joining, Person


async def test_the_current_workspace_has_every_field_of_the_contract(admin: Person) -> None:
    workspace = (await admin.call("workspaceManagement.workspace.getCurrent"))["workspace"]
    assert workspace.pop("uuid") == str(admin.who.workspace_uuid)
    assert workspace.pop("createdAt").endswith("Z")
    assert workspace.pop("updatedAt").endswith("Z")
    assert workspace == {
        "name": "My Workspace",
        "allowedEmailDomains": [],
        "syncs": [],
        "temporalNamespace": "",
        "temporalTaskQueuePrefix": None,
        "maxConcurrentRuns": 0,
        "openAiVectorStoreId": None,
        "logoUrl": None,
        "metadata": None,
        "chromeExtensionMasterAgentUuid": None,
        "chromeExtensionAvailableAgentUuids": None,
        "defaultRoleUuid": None,
        "allowedLoginProviders": None,
        "ssoIdentifier": None,
        "quotaBuckets": {},
    }


async def test_the_list_of_workspaces_is_the_one_that_the_token_opens(admin: Person, other_caller: Person) -> None:
    for person in (admin, other_caller):
        workspaces = (await person.call("workspaceManagement.workspace.all"))["workspaces"]
        assert [one["uuid"] for one in workspaces] == [str(person.who.workspace_uuid)]


async def test_a_workspace_is_renamed_and_keeps_what_was_not_named(admin: Person) -> None:
    update = "workspaceManagement.workspace.update"
    await admin.call(update, metadata={"mainGoal": ["growth"], "salesRepCount": "10"})
    changed = (await admin.call(update, name="Acme"))["workspace"]
    assert changed["name"] == "Acme"
    assert changed["metadata"] == {"mainGoal": ["growth"], "salesRepCount": "10"}


async def test_the_default_role_is_one_of_the_workspaces_own_and_can_be_cleared(admin: Person, other_caller: Person) -> None:
    update = "workspaceManagement.workspace.update"
    roles = {one["slug"]: one["uuid"] for one in (await admin.call("workspaceManagement.role.all"))["roles"]}
    theirs = (await other_caller.call("workspaceManagement.role.all"))["roles"][0]["uuid"]
    assert (await admin.call(update, defaultRoleUuid=roles["member"]))["workspace"]["defaultRoleUuid"] == roles["member"]
    with pytest.raises(Refusal, match="role not found") as refused:
        await admin.call(update, defaultRoleUuid=theirs)
    assert (refused.value.status, refused.value.reason) == (400, "roleNotFound")
    assert (await admin.call(update, defaultRoleUuid=None))["workspace"]["defaultRoleUuid"] is None


async def test_what_has_no_effect_here_is_accepted_and_says_so(admin: Person) -> None:
    reply = await admin.call("workspaceManagement.workspace.update", openAiApiKey="sk-1", allowedEmailDomains=["acme.com"])
    assert reply["warnings"] == [
        "allowedEmailDomains has no effect on this platform and was not stored.",
        "openAiApiKey has no effect on this platform and was not stored.",
    ]
    assert reply["workspace"]["allowedEmailDomains"] == []


@pytest.mark.parametrize("name", ["", "x" * 201, 7])
async def test_a_bad_name_is_refused(admin: Person, name: object) -> None:
    with pytest.raises(ValidationError):
        await admin.call("workspaceManagement.workspace.update", name=name)


async def test_roles_come_with_their_permissions(admin: Person) -> None:
    roles = (await admin.call("workspaceManagement.role.all"))["roles"]
    assert [one["slug"] for one in roles] == ["admin", "member", "viewer"]
    (rule,) = roles[0]["permissions"]
    assert set(rule["actions"]) == {f"{room}:*" for room in DOMAINS} and (rule["effect"], rule["resources"]) == ("allow", None)
    assert set(roles[0]) == {"uuid", "workspaceUuid", "slug", "permissions", "createdAt", "isPreset"}


async def test_members_and_viewers_cannot_change_the_workspace_its_users_or_its_tokens(join: Joining) -> None:
    writes = ["workspace.update", "user.create", "user.update", "user.remove", "token.create", "token.update", "token.remove"]
    reads = ["workspace.getCurrent", "user.all", "user.getCurrent", "role.all", "token.all", "folder.all", "folder.get"]
    for role, folders in (("member", True), ("viewer", False)):
        person = await join(f"{role}@example.com", role)
        assert not any(person.may(f"workspaceManagement.{name}") for name in writes)
        assert all(person.may(f"workspaceManagement.{name}") for name in reads)
        assert person.may("workspaceManagement.folder.create") == folders


async def test_ones_own_account_has_every_field_of_the_contract(admin: Person) -> None:
    user = (await admin.call("userManagement.user.getCurrent"))["user"]
    assert user["email"] == "admin@localhost"
    assert user["lastSignInAt"] is not None
    assert [user[name] for name in ("firstName", "lastName", "picture", "webExtensionData")] == [None] * 4


async def test_ones_own_name_is_changed_and_cleared(admin: Person) -> None:
    update = "userManagement.user.update"
    assert (await admin.call(update, firstName="Ann", lastName="Example"))["user"]["firstName"] == "Ann"
    changed = (await admin.call(update, lastName=None))["user"]
    assert (changed["firstName"], changed["lastName"]) == ("Ann", None)


async def test_a_session_cookie_of_the_extension_is_sealed_and_shown_to_its_owner_alone(admin: Person) -> None:
    data = {"linkedin": {"li_at": "AQEDcookie"}, "timezone": "Europe/Paris"}
    await admin.call("userManagement.user.update", webExtensionData=data)
    assert (await admin.call("userManagement.user.getCurrent"))["user"]["webExtensionData"] == data
    assert (await admin.call("workspaceManagement.user.all"))["users"][0]["webExtensionData"] is None
    async with admin.asking() as ctx:
        connection = await ctx.db.connection()
        stored = await connection.exec_driver_sql("SELECT web_extension_sealed FROM workspace_users")
        assert b"AQEDcookie" not in bytes(stored.scalar_one())
