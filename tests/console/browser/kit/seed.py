"""A workspace for the pages of the console: something of each kind that pages are about, hostile texts among them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.kit.processes.real_server import RealServer
from tests.scenarios.story.graphs import end, node, start, template
from tests.simulators.language_models.control import KEY

Json = dict[str, Any]

COMPANIES = 120
HOSTILE = '"><img src=x onerror=alert(1)>{{7*7}}</script>'
COUNTRIES = ("France", "Germany", "Italy", "Portugal", "Sweden")
COLUMNS: list[Json] = [
    {"slug": "domain", "type": "string", "label": "Domain"},
    {"slug": "name", "type": "string", "label": "Name"},
    {"slug": "country", "type": "string", "label": "Country"},
    {"slug": "employees", "type": "number", "label": "Employees"},
    {"slug": "founded", "type": "date", "label": "Founded"},
    {"slug": "is_customer", "type": "boolean", "label": "Customer"},
    {"slug": "facts", "type": "object", "label": "Facts"},
    {"slug": "tags", "type": "array", "label": "Tags"},
]
NO_FILTER: Json = {"conjonction": "and", "groups": []}
IN_FRANCE: Json = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "country", "operator": "is", "values": ["France"]}]}],
}
IN_FRANCE_TEXT = json.dumps(IN_FRANCE)


@dataclass
class World:
    """What there is. `uuids`: by noun, the values of path fields."""

    server: RealServer
    admin: str
    viewer: str = ""
    uuids: dict[str, str] = field(default_factory=dict[str, str])

    def call(self, name: str, /, **fields: Any) -> Json:
        """An operation as the admin."""
        return self.server.call(name, **fields)


def companies(count: int = COMPANIES) -> list[Json]:
    """Records of companies, always the same."""
    rows: list[Json] = []
    for at in range(count):
        rows.append(
            {
                "domain": f"company-{at:03d}.example",
                "name": f"Company {at}",
                "country": COUNTRIES[at % len(COUNTRIES)],
                "employees": 7 * at % 990 + 3,
                "founded": f"{1960 + at % 60}-0{at % 9 + 1}-15T00:00:00Z",
                "is_customer": at % 3 == 0,
                "facts": {"ceo": f"Person {at}", "offices": {"count": at % 7}},
                "tags": ["saas", "b2b"][: at % 3],
            }
        )
    return rows


def hostile() -> Json:
    """A record whose values try to leave their cells, or are far too large."""
    deep: Any = "bottom"
    for _ in range(80):
        deep = {"deeper": deep}
    return {"domain": HOSTILE, "name": f"{HOSTILE} {'x' * 1_000_000}", "country": HOSTILE, "facts": deep, "tags": [HOSTILE] * 500}


def build(server: RealServer) -> World:
    """Make it all through the operations, in a fresh server."""
    world = World(server, server.token)
    for step in (_users, _model, _people, _segment, _tool, _play, _connector, _agent, _review):
        step(world)
    return world


def _users(world: World) -> None:
    viewer = world.call("workspaceManagement.user.create", userEmail="vera@example.com", roleSlug="viewer")["user"]
    world.viewer = world.call("workspaceManagement.token.create", name="Vera's", userUuid=viewer["uuid"])["token"]["token"]
    rules = [{"effect": "allow", "actions": ["storage:*", "segmentation:read"]}, {"effect": "deny", "actions": ["storage:write"]}]
    world.uuids["role"] = str(world.call("workspaceManagement.role.create", slug="data-editor", permissions=rules)["role"]["uuid"])


def define(world: World, slug: str, name: str, columns: list[Json], id_slug: str, title: str) -> str:
    """The uuid of a model that is filled by writing records."""
    datasets = world.call("storage.dataset.all")["datasets"]
    dataset = next(dataset["uuid"] for dataset in datasets if dataset["kind"] == "native")
    config = {"columns": columns, "idColumnSlug": id_slug, "titleColumnSlug": title}
    made = world.call("storage.model.create", slug=slug, name=name, datasetUuid=dataset, extractorSlug="defineObject", config=config)
    return str(made["model"]["uuid"])


def _model(world: World) -> None:
    model = world.uuids["model"] = define(world, "companies", "Companies", COLUMNS, "domain", "name")
    rows = [{"data": row} for row in companies()]
    world.call("storage.record.createBulk", modelUuid=model, records=rows)
    tier = {"kind": "custom", "slug": "tier", "type": "string", "label": "Tier"}
    world.call("storage.column.create", modelUuid=model, column=tier)
    expression = {"kind": "jsExpression", "expression": "Math.round(Math.log2(record.employees || 1))", "instructTo": "none"}
    score = {"kind": "computed", "slug": "score", "type": "number", "label": "Score", "expression": expression}
    world.call("storage.column.create", modelUuid=model, column=score)
    world.call("storage.record.update", modelUuid=model, id="company-000.example", data={"tier": "gold", "employees": 10})
    world.uuids["record"] = "company-000.example"


def _people(world: World) -> None:
    columns: list[Json] = [
        {"slug": "email", "type": "string", "label": "E-mail"},
        {"slug": "company", "type": "string", "label": HOSTILE},
    ]
    people = world.uuids["people"] = define(world, "people", f"People {HOSTILE}", columns, "email", "email")
    rows = [{"data": {"email": f"p{at}@example.com", "company": f"company-{at % 9:03d}.example"}} for at in range(30)]
    world.call("storage.record.createBulk", modelUuid=people, records=rows)
    world.call(
        "storage.relationship.set",
        fromModelUuid=people,
        toModelUuid=world.uuids["model"],
        fromColumnSlug="company",
        toColumnSlug="domain",
    )


def _segment(world: World) -> None:
    model = world.uuids["model"]
    made = world.call("segmentation.segment.create", name="In France", modelUuid=model, filter=IN_FRANCE)["segment"]
    segment = world.uuids["segment"] = str(made["uuid"])
    world.call("segmentation.change.create", segmentUuid=segment)
    world.call("storage.record.update", modelUuid=model, id="company-001.example", data={"country": "France"})
    world.call("storage.record.update", modelUuid=model, id="company-005.example", data={"country": "Spain"})
    world.uuids["change"] = str(world.call("segmentation.change.create", segmentUuid=segment)["change"]["uuid"])
    world.uuids["changeSet"] = str(world.call("storage.changeSet.list", modelUuid=model)["changeSets"][0]["uuid"])


GRAPH: list[Json] = [
    start("wait"),
    node("wait", "delay", {"minutes": template("{{nodes.start.minutes || 0}}")}, ("is_big",), name="Wait"),
    node("is_big", "branch", {"condition": template("{{nodes.start.size > 100}}")}, ("big", "small"), name="Big?"),
    end("big", tier="big"),
    end("small", tier="small"),
]
"""It fails where the minutes are not a number."""


def _tool(world: World) -> None:
    tool = world.call("orchestration.tool.create", name="Rank a company")["tool"]
    workflow = tool["workflowUuid"]
    world.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=GRAPH, formFields=None)
    records = [{"size": 37 * at % 400, "minutes": "soon" if at % 5 == 4 else 0} for at in range(20)]
    batch = world.call("orchestration.batch.create", workflowUuid=workflow, data={"kind": "records", "records": records})["batch"]
    world.server.finished(batch["uuid"])
    failed = world.call("orchestration.run.list", workflowUuid=workflow, statuses="error", limit=1)["runs"]
    good = world.call("orchestration.run.list", workflowUuid=workflow, statuses="success", limit=1)["runs"]
    world.uuids["otherRun"] = str(good[0]["uuid"])
    world.uuids |= {"tool": str(tool["uuid"]), "workflow": str(workflow), "batch": str(batch["uuid"]), "run": str(failed[0]["uuid"])}


def _play(world: World) -> None:
    model = world.uuids["model"]
    play = world.call("orchestration.play.create", name="Rank in France", modelUuid=model, changeKinds=["added"])["play"]
    world.call("orchestration.draftRelease.deploy", workflowUuid=play["workflowUuid"], nodes=GRAPH, formFields=None)
    data = {"kind": "recordIds", "modelUuid": model, "ids": ["company-000.example", "company-001.example"]}
    batch = world.call("orchestration.batch.create", workflowUuid=play["workflowUuid"], data=data)["batch"]
    world.server.finished(batch["uuid"])
    world.uuids["play"] = str(play["uuid"])


def _connector(world: World) -> None:
    made = world.call(
        "connection.connector.create",
        integrationSlug="http",
        slug="enrichment",
        name="Enrichment",
        config={"baseUrl": "http://127.0.0.1:9"},
    )["connector"]
    world.uuids |= {"connector": str(made["uuid"]), "integration": "http"}


def _agent(world: World) -> None:
    world.call("connection.connector.create", integrationSlug="openAi", slug="openai", name="OpenAI", config={"apiKey": KEY})
    made = world.call("ai.agent.create", name="Helper", icon={"color": "blue", "face": "🤖"})["agent"]
    agent = world.uuids["agent"] = str(made["uuid"])
    world.call("ai.release.updateDraft", agentUuid=agent, integrationSlug="openAi", languageModelSlug="gpt-4o", systemPrompt="Be brief.")
    world.call("ai.release.deployDraft", agentUuid=agent, description="First")
    chat = world.call("ai.chat.create", trigger={"type": "draft"}, agentUuid=agent, name="Question")["chat"]
    world.uuids["chat"] = str(chat["uuid"])


def _review(world: World) -> None:
    fields = [{"name": "subject", "type": "string", "value": HOSTILE, "required": True}, {"name": "discount", "type": "number", "value": 5}]
    config = {"title": "Send this offer?", "instructions": "Ann waits for it.", "fields": fields}
    nodes = [start("ask"), node("ask", "humanReview", config, ("sent",)), end("sent", way="sent")]
    run = world.call("orchestration.run.create", nodes=nodes, data={})["run"]["uuid"]
    world.uuids["review"] = pending_review(world, str(run))


def pending_review(world: World, run: str) -> str:
    """The review that a run waits for, as soon as there is one."""
    for _ in range(300):
        reviews = world.call("orchestration.review.list", runUuid=run, statuses=["pending"])["reviews"]
        if reviews:
            return str(reviews[0]["uuid"])
        time.sleep(0.05)
    raise AssertionError(f"run {run} asks no one")
