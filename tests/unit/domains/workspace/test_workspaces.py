"""Several workspaces on one server: each token opens one, and sees nothing of the others."""

from __future__ import annotations

import pytest

from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Joining, Person
from tests.unit.domains.workspace.members.test_token import allow

CREATE = "workspaceManagement.workspace.create"


async def test_a_new_workspace_has_its_maker_as_admin_and_a_token_of_its_own(admin: Person, enter: Entering) -> None:
    created = await admin.call(CREATE, name="Europe", metadata={"mainGoal": ["leads"]})
    there = await enter(created["token"])
    assert str(there.who.workspace_uuid) == created["workspace"]["uuid"] and there.who.user_uuid == admin.who.user_uuid
    assert there.who.role_slug == "admin" and there.who.workspace_uuid != admin.who.workspace_uuid
    for person, name in ((admin, "My Workspace"), (there, "Europe")):
        assert [one["name"] for one in (await person.call("workspaceManagement.workspace.all"))["workspaces"]] == [name]
        assert [one["name"] for one in (await person.call("workspaceManagement.token.all"))["tokens"]] == ["First token"]


async def test_a_restricted_token_creates_no_workspace_in_which_it_would_not_be(admin: Person, enter: Entering) -> None:
    for restriction in ({"permissions": [allow("workspaceManagement:*")]}, {"expiresAt": "2100-01-01T00:00:00Z"}):
        token = (await admin.call("workspaceManagement.token.create", **restriction))["token"]["token"]
        with pytest.raises(Refusal) as refused:
            await (await enter(token)).call(CREATE, name="Europe")
        assert (refused.value.status, refused.value.reason) == (403, "missingPermissions")


async def test_the_initialisation_shows_what_its_reader_may_see(admin: Person, join: Joining) -> None:
    shown = await admin.call("getInitialisation")
    assert shown["user"]["email"] == "admin@localhost" and shown["workspace"]["name"] == "My Workspace"
    assert [role["slug"] for role in shown["roles"]] == ["admin", "member", "viewer"]
    assert shown["datasets"] and shown["presetTemplates"] and shown["subscription"] is not None
    assert shown["territories"] == [] and shown["tokens"][0]["token"].startswith("cai_live_…")
    ann = await join("ann@example.com", "viewer")
    assert (await ann.call("getInitialisation"))["subscription"] is None
