"""What people do in the console besides looking: decide, invite, make tokens, set a budget, connect a service, search."""

from __future__ import annotations

import html
import json
import re

import pytest

from tests.console.conftest import Browser
from tests.console.views.test_rights import new_review
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_review_is_approved_with_changed_values_and_a_comment(browser: Browser, backend: Backend) -> None:
    review = await new_review(backend, title="Send it?")
    page = f"/console/reviews/{review}"
    assert "Send it?" in (await browser.get("/console/reviews")).text
    fields = {"/values/subject": "Shorter", "/values/size": "7", "comment": "ok", "decision": "approve"}

    response = await browser.post(page, fields, page=page)

    assert (response.status_code, response.headers["location"]) == (303, "/console/reviews")
    decided = (await backend.admin.call("orchestration.review.get", uuid=review))["review"]
    assert (decided["status"], decided["values"], decided["comment"]) == ("approved", {"subject": "Shorter", "size": 7}, "ok")
    assert "Decision" in (await browser.get(page)).text


async def test_a_review_with_a_wrong_value_stays_open_and_says_where(browser: Browser, backend: Backend) -> None:
    review = await new_review(backend)
    page = f"/console/reviews/{review}"

    response = await browser.post(page, {"/values/subject": "", "/values/size": "many", "decision": "approve"}, page=page)

    assert response.status_code == 422
    assert "size has to be a number" in response.text
    assert (await backend.admin.call("orchestration.review.get", uuid=review))["review"]["status"] == "pending"


async def test_a_review_is_rejected_once(browser: Browser, backend: Backend) -> None:
    review = await new_review(backend)
    page = f"/console/reviews/{review}"
    fields = {"comment": "no", "decision": "reject"}

    assert (await browser.post(page, fields, page=page)).status_code == 303
    assert (await browser.post(page, fields, page=page)).status_code == 409


async def test_a_link_lets_another_person_decide(browser: Browser, backend: Backend) -> None:
    page = f"/console/reviews/{await new_review(backend)}"

    response = await browser.post(f"{page}/link", {"email": "bo@example.com"}, page=page)

    assert "Anyone with this link can decide" in response.text


async def test_the_value_of_a_token_is_shown_once(browser: Browser, backend: Backend) -> None:
    response = await browser.post("/console/tokens", {"name": "CI", "actions": "storage:read"}, page="/console/tokens")

    value = re.search(r"cai_live_[A-Za-z0-9_-]{20,}", response.text)
    assert value is not None
    assert value[0] not in (await browser.get("/console/tokens")).text
    token = next(token for token in (await backend.admin.call("workspaceManagement.token.all"))["tokens"] if token["name"] == "CI")
    assert token["permissions"][0]["actions"] == ["storage:read"]
    assert (await browser.post(f"/console/tokens/{token['uuid']}/remove", page="/console/tokens")).status_code == 303


async def test_a_person_is_invited_gets_another_role_and_is_removed(browser: Browser, backend: Backend) -> None:
    invited = await browser.post("/console/users", {"userEmail": "cy@example.com", "roleSlug": "viewer"}, page="/console/users")
    assert "cy@example.com can sign in once" in invited.text
    users = (await backend.admin.call("workspaceManagement.user.all"))["users"]
    uuid = next(user["uuid"] for user in users if user["email"] == "cy@example.com")

    await browser.post(f"/console/users/{uuid}/role", {"roleSlug": "member"}, page="/console/users")
    users = (await backend.admin.call("workspaceManagement.user.all"))["users"]
    assert next(user["roleSlug"] for user in users if user["uuid"] == uuid) == "member"
    assert (await browser.post(f"/console/users/{uuid}/remove", page="/console/users")).status_code == 303
    assert "cy@example.com" not in (await browser.get("/console/users")).text


async def test_a_role_is_made_changed_and_removed_by_form(browser: Browser, viewer: Browser, backend: Backend) -> None:
    async def role_of(slug: str) -> Body | None:
        roles = (await backend.admin.call("workspaceManagement.role.all"))["roles"]
        return next((role for role in roles if role["slug"] == slug), None)

    page = "/console/roles/new"
    assert "storage:write" in (await browser.get(page)).text
    empty = await browser.post(page, {"slug": "editor"}, page=page)
    assert empty.status_code == 400 and "at least one permission" in empty.text
    assert (await browser.post(page, {"slug": "Not A Slug", "allow": "storage:read"}, page=page)).status_code == 400
    made = await browser.post(page, {"slug": "editor", "allow": ["storage:*", "ai:read"], "deny": ["storage:write"]}, page=page)
    assert made.status_code == 303, made.text
    role = await role_of("editor")
    assert role is not None
    rules = [{"effect": rule["effect"], "actions": rule["actions"]} for rule in role["permissions"]]
    assert rules == [{"effect": "allow", "actions": ["storage:*", "ai:read"]}, {"effect": "deny", "actions": ["storage:write"]}]
    assert (await browser.post(page, {"slug": "editor", "allow": "ai:read"}, page=page)).status_code == 409

    form = f"/console/roles/{role['uuid']}/edit"
    text = (await browser.get(form)).text
    assert re.search(r'name="deny" value="storage:write"[^>]* checked', text) and not re.search(r'value="ai:write"[^>]* checked', text)
    renamed = {"slug": "reader", "allow": ["ai:read", "storage:*"], "deny": "storage:write"}
    assert (await browser.post(form, renamed, page=form)).status_code == 303
    changed = await role_of("reader")
    assert changed is not None and changed["permissions"] == role["permissions"]
    assert (await browser.post(form, {"slug": "reader", "allow": "storage:read"}, page=form)).status_code == 303
    changed = await role_of("reader")
    assert changed is not None and [rule["actions"] for rule in changed["permissions"]] == [["storage:read"]]
    assert (await viewer.get(form)).status_code == 403 and "Change reader" not in (await viewer.get("/console/roles")).text
    remove = f"/console/roles/{role['uuid']}/remove"
    assert (await viewer.post(remove, page="/console/roles")).status_code == 403
    assert (await browser.post(remove, page="/console/roles")).status_code == 303
    assert await role_of("reader") is None
    admin = await role_of("admin")
    assert admin is not None
    assert (await browser.post(f"/console/roles/{admin['uuid']}/edit", {"slug": "admin", "allow": "ai:read"}, page=page)).status_code == 409


async def test_a_budget_is_set_shown_and_removed(browser: Browser, backend: Backend) -> None:
    wrong = await browser.post(
        "/console/usage/budget", {"creditsCount": "many", "cadence": "monthly", "overage": "deny"}, page="/console/usage"
    )
    assert wrong.status_code == 400
    fields = {"creditsCount": "500", "cadence": "quarterly", "overage": "allow"}
    assert (await browser.post("/console/usage/budget", fields, page="/console/usage")).status_code == 303
    assert "of 500 credits used" in (await browser.get("/console/usage")).text
    await browser.post("/console/usage/budget", {"remove": "yes"}, page="/console/usage")
    assert (await backend.admin.call("billing.budget.get"))["budget"] is None


@pytest.mark.parametrize(
    "query", ["?days=90&unit=orchestration.executions&groupBy=workflow_uuid", "?days=x&unit=y&groupBy=z", "?groupBy=user_uuid"]
)
async def test_usage_is_drawn_by_day_and_apart(browser: Browser, query: str) -> None:
    assert (await browser.get(f"/console/usage{query}")).status_code == 200


async def test_a_service_is_connected_by_its_form_and_its_secret_is_never_shown(browser: Browser, backend: Backend) -> None:
    page = "/console/connectors/new/http"
    fields = {
        "name": "CRM",
        "slug": "crm",
        "/config/baseUrl": "https://crm.example.com",
        "/config/headers~rows": "0",
        "/config/headers/0~key": "X-Org",
        "/config/headers/0": "s3cret-org",
        "/config/auth~choice": "1",
        "/config/auth/token": "s3cret-token",
    }
    wrong = await browser.post(page, {**fields, "/config/baseUrl": "nonsense"}, page=page)
    assert wrong.status_code == 422
    assert "s3cret" not in wrong.text
    made = await browser.post(page, fields, page=page)
    assert made.status_code == 303, made.text
    path = made.headers["location"]

    edit = await browser.get(f"{path}/edit")
    assert "s3cret" not in edit.text
    assert edit.text.count("stored; empty keeps it") == 2
    command = html.unescape(re.findall(r'<pre class="command"[^>]*><code>(.*?)</code>', edit.text)[0])
    assert '"token":"***"' in command
    assert '"X-Org":"***"' in command
    assert "--secret" not in command
    kept = {**fields, "name": "CRM 2", "/config/headers/0": "", "/config/auth/token": ""}
    assert (await browser.post(f"{path}/edit", kept, page=f"{path}/edit")).status_code == 303
    row = (await backend.admin.call("connection.connector.get", uuid=path.rpartition("/")[2]))["connector"]
    assert (row["name"], row["config"]["headers"], row["config"]["auth"]["token"]) == ("CRM 2", {"X-Org": "***"}, "***")
    elsewhere = await browser.post(f"{path}/edit", {**kept, "/config/baseUrl": "https://evil.example"}, page=f"{path}/edit")
    assert elsewhere.status_code == 400
    assert "/config/baseUrl" in elsewhere.text


async def test_the_form_of_a_service_shows_the_fields_of_what_was_chosen(browser: Browser) -> None:
    page = "/console/connectors/new/http"
    posted = {"name": "x", "slug": "x", "/config/auth~choice": "3", "/config/headers~rows": "0", "~do": "add:/config/headers"}

    response = await browser.post(page, posted, page=page)

    assert response.status_code == 200
    assert 'name="/config/auth/in"' in response.text
    assert 'name="/config/headers/1~key"' in response.text


async def test_a_connector_is_stopped_started_and_verified(browser: Browser, backend: Backend) -> None:
    path = (
        f"/console/connectors/{(await backend.admin.call('connection.connector.list', integrationSlug='openAi'))['connectors'][0]['uuid']}"
    )

    await browser.post(f"{path}/stop", page=path)
    assert "Runs that come to it wait" in (await browser.get(path)).text
    await browser.post(f"{path}/start", page=path)
    assert "accepts this account" in (await browser.post(f"{path}/verify", page=path)).text


async def test_anything_is_found_by_its_uuid_and_things_by_their_names(browser: Browser, backend: Backend) -> None:
    agent = (await backend.admin.call("ai.agent.create", name="Needle & thread"))["agent"]["uuid"]
    run = (await backend.run(nodes=[node("start", children=("end",)), node("end")]))["run"]

    for path, uuid in (("agents", agent), ("runs", run["uuid"])):
        response = await browser.get(f"/console/search?q={uuid.upper()}")
        assert response.headers["location"] == f"/console/{path}/{uuid}"
    assert f"/console/agents/{agent}" in (await browser.get("/console/search?q=NEEDLE%20%26")).text


async def test_the_audit_log_is_filtered_and_downloaded(browser: Browser, backend: Backend) -> None:
    await backend.admin.call("workspaceManagement.token.create", name="logged")
    page = await browser.get("/console/audit?operation=workspaceManagement.token&outcome=done")
    assert "workspaceManagement.token.create" in page.text
    assert "connection.connector" not in re.sub(r"<form.*?</form>", "", page.text, flags=re.DOTALL)
    response = await browser.get("/console/audit/download?format=ndjson&operation=workspaceManagement.token")
    assert response.status_code == 303
    rows = (await browser.get(response.headers["location"])).text.splitlines()
    assert {json.loads(row)["operation"].rpartition(".")[0] for row in rows} == {"workspaceManagement.token"}


async def test_a_part_of_a_page_is_all_that_htmx_gets(browser: Browser) -> None:
    part = await browser.get("/console/queue", **{"HX-Request": "true"})

    assert 'id="queue-now"' in part.text
    assert "<nav" not in part.text
