"""Graphs that cannot work: each is found out by `node validate`, named in one sentence, and refused when it is deployed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.unit.domains.orchestration.workflows.broken_graphs import BROKEN, MODEL, URL, VALUE, http, line, named, update

VALIDATE, DEPLOY = "orchestration.node.validate", "orchestration.draftRelease.deploy"


@dataclass(frozen=True)
class Workshop:
    """A backend with a model, and a tool to deploy to."""

    backend: Backend
    model: str
    workflow: str

    def fill(self, nodes: list[Body]) -> list[Body]:
        """The nodes with the model's uuid."""
        filled: list[Body] = json.loads(json.dumps(nodes).replace(f'"{MODEL}"', f'"{self.model}"'))
        return filled

    async def validate(self, nodes: list[Body]) -> Body:
        reply: Body = await self.backend.admin.call(VALIDATE, nodes=self.fill(nodes))
        return reply


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workshop(backend: Backend) -> AsyncIterator[Workshop]:
    columns = [{"slug": slug, "type": kind, "label": slug} for slug, kind in (("domain", "string"), ("name", "string"))]
    model = await backend.admin.model("accounts", columns=[*columns, {"slug": "api_score", "type": "number"}], idColumnSlug="domain")
    yield Workshop(backend, model, (await backend.admin.tool("Broken"))["workflowUuid"])


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", BROKEN)
async def test_a_graph_that_cannot_work_is_not_valid_and_does_not_deploy(workshop: Workshop, name: str) -> None:
    broken = BROKEN[name]
    found = await workshop.validate(broken.nodes)
    assert found["outcome"] == "notValid"
    (fault,) = found["invalidNodes"]
    assert (fault["node"]["slug"], fault["reason"], fault.get("path")) == (broken.slug, broken.reason, broken.path)
    assert broken.words in fault["message"] and fault["message"].endswith((".", "?"))
    status, refusal = await workshop.backend.admin.refusal(
        DEPLOY, workflowUuid=workshop.workflow, nodes=workshop.fill(broken.nodes), formFields=None
    )
    assert (status, refusal["reason"]) == (400, "draftReleaseNodesAreInvalid")
    assert refusal["invalidNodes"] == found["invalidNodes"]


DOUBTFUL = {
    "a node without ways to it": ([*line(), named(1, "orphan", children=[None])], "orphan", "", "never executed"),
    "a setting that a native action ignores": (
        line(node("wait", "delay", config={"minutes": 0, "minuts": 1})),
        "wait",
        "config.minuts",
        "`minuts` is not a setting and is ignored.",
    ),
    "a node that is on some ways only": (
        line(node("b", "branch", ["named", "after"], config={"condition": True}), named(1), named("{{nodes.named.x}}", "after")),
        "after",
        VALUE,
        "Write nodes.named?.x if that is meant.",
    ),
    "text that looks like a template": (line(named("Hello {{name")), "named", VALUE, "never closed"),
    "more attempts than there are": (line(named(1, retry={"maximumAttempts": 500})), "named", "retry.maximumAttempts", "100 is taken"),
    "a fallback to nowhere": (line(named(1, children=[None], fallbackOnFailure=True)), "named", "fallbackOnFailure", "no effect"),
    "a script that reads a node that is not there": (
        line(named(1), node("s", "script", config={"script": "const all = nodes.namd.x;\nreturn all"})),
        "s",
        "config.script",
        "there is no node namd. Did you mean named?",
    ),
    "a Python script that reads a node that is not there": (
        line(named(1), node("p", "python", config={"script": "result = [nodes['named']['x'], nodes['later']]"})),
        "p",
        "config.script",
        "there is no node later",
    ),
    "a field with a guard": (
        line(node("wait", "delay", config={"minutes": 0}), named("{{nodes.wait.hours ?? 1}}")),
        "named",
        VALUE,
        "nodes.wait has no hours. It has minutes.",
    ),
}


@pytest.mark.parametrize("name", DOUBTFUL)
async def test_a_doubt_is_a_warning_and_the_graph_deploys(workshop: Workshop, name: str) -> None:
    nodes, slug, path, words = DOUBTFUL[name]
    found = await workshop.validate(nodes)
    assert found["outcome"] == "valid"
    warning = next(warning for warning in found["warnings"] if warning["node"]["slug"] == slug)
    assert warning["path"] == path and words in warning["message"]
    said = await workshop.backend.admin.warnings(DEPLOY, workflowUuid=workshop.workflow, nodes=workshop.fill(nodes), formFields=None)
    assert f"{slug}: {warning['message']}" in said


GOOD: list[list[Body]] = [
    line(node("wait", "delay", config={"minutes": "{{nodes.start.minutes}}"})),
    line(node("wait", "delay", config={"minutes": "0.5"})),
    line(http(url="{{nodes.start.url}}", method="get", headers={"a": 1}, body={"b": ["{{nodes.start.c}}"]})),
    line(http(url=URL, timeoutMilliseconds={"kind": "jsExpression", "expression": "nodes.start.seconds * 1000"})),
    line(http(url=URL) | {"fallbackOnFailure": True}, named("{{nodes.call.errorMessage}}")),
    line(named("{{nodes.start.a.b.c.map(x => x.nodes)}}"), named("{{nodes.named.x.length}}", "next")),
    line(node("f", "filter", config={"condition": "{{nodes.start.ok}}"})),
    line(update(mappings={"api_score": "7", "name": "{{nodes.start.name}}"})),
    line(node("write", "modelInsert", config={"kind": "templateExpression", "expression": "{{nodes.start.config}}"})),
    line(
        node("b", "branch", ["one", "two"], config={"condition": "{{nodes.start.a}}"}),
        named(1, "one", children=["after"]),
        named(2, "two", children=["after"]),
        named("{{nodes.one?.x ?? nodes.two?.x}}", "after"),
    ),
    line(
        named(1, "before"),
        node(
            "each",
            "group",
            config={
                "items": "{{nodes.start.items}}",
                "_nodes": [
                    node("start", children=["end"]),
                    node("end", config={"variables": [{"name": "y", "type": "number", "value": "{{parentNodes.before.x}}"}]}),
                ],
            },
        ),
        named("{{nodes.each[0].y}}", "after"),
    ),
    line(node("v", "variables", config={"variables": [{"name": "{{nodes.start.n}}", "value": 1}]}), named("{{nodes.v.anything}}")),
]


@pytest.mark.parametrize("nodes", GOOD)
async def test_a_graph_that_can_work_is_valid_without_a_word(workshop: Workshop, nodes: list[Body]) -> None:
    assert await workshop.validate(nodes) == {"outcome": "valid"}


async def test_what_is_wrong_inside_a_group_is_named_inside_it(workshop: Workshop) -> None:
    inside = [
        node("start", children=["wait"]),
        node("wait", "delay", ["end"]),
        node("end", config={"variables": [{"name": "x", "value": "{{nodes.outer.x}}"}]}),
    ]
    found = await workshop.validate(line(named(1, "outer"), node("each", "group", config={"items": [1], "_nodes": inside})))
    (group,) = found["invalidNodes"]
    assert (group["node"]["slug"], group["reason"]) == ("each", "subNodesInvalid")
    assert [(fault["node"]["slug"], fault["path"]) for fault in group["invalidNodes"]] == [("wait", "config.minutes"), ("end", VALUE)]
    assert "read it as parentNodes.outer" in group["invalidNodes"][1]["message"]


async def test_a_draft_with_faults_can_be_saved_and_warns(workshop: Workshop) -> None:
    said = await workshop.backend.admin.warnings(
        "orchestration.draftRelease.update", workflowUuid=workshop.workflow, nodes=line(node("wait", "delay"))
    )
    assert said == ["It cannot be deployed yet. wait: `minutes` is missing."]


async def test_the_record_of_a_play_has_the_columns_of_its_model(workshop: Workshop) -> None:
    api = workshop.backend.admin
    play = (await api.call("orchestration.play.create", name="Scores", modelUuid=workshop.model))["play"]
    typo, right = (
        line(named("{{nodes.start.api_scor}}")),
        line(named("{{nodes.start.api_score}} {{nodes.start._id}} {{nodes.start._kind}}")),
    )
    found = await api.call(VALIDATE, nodes=typo, workflowUuid=play["workflowUuid"])
    assert found["outcome"] == "valid" and "Did you mean api_score?" in found["warnings"][0]["message"]
    said = await api.warnings(DEPLOY, workflowUuid=play["workflowUuid"], nodes=typo, formFields=None)
    assert said == [f"named: {found['warnings'][0]['message']}"]
    assert await api.call(VALIDATE, nodes=right, workflowUuid=play["workflowUuid"]) == {"outcome": "valid"}
    assert await api.refused(VALIDATE, nodes=right, workflowUuid=str(ids.new())) == (404, "workflowNotFound")


async def test_a_field_that_a_form_does_not_ask_for_is_a_doubt(workshop: Workshop) -> None:
    api = workshop.backend.admin
    form = [{"kind": "string", "name": "Domain", "slug": "domain", "isRequired": True}]
    said = await api.warnings(DEPLOY, workflowUuid=workshop.workflow, nodes=line(named("{{nodes.start.domian}}")), formFields=form)
    assert "nodes.start has no domian. Did you mean domain?" in said[0]


async def test_a_tool_node_is_held_to_the_form_and_the_output_of_its_tool(workshop: Workshop) -> None:
    api = workshop.backend.admin
    tool = await api.tool("Tiers")
    form = [{"kind": "string", "name": "Domain", "slug": "domain", "isRequired": True}]
    calling = node("tier", "tool", kind="tool", toolUuid=tool["uuid"], config={"domian": "a"})
    assert "nothing deployed" in (await workshop.validate(line(calling)))["warnings"][0]["message"]
    end = node("end", config={"variables": [{"name": "tier", "type": "string", "value": "A"}]})
    await api.call(DEPLOY, workflowUuid=tool["workflowUuid"], nodes=[node("start", children=["end"]), end], formFields=form)
    found = await workshop.validate(line(calling, named("{{nodes.tier.tear}}")))
    assert [(fault["reason"], fault["path"]) for fault in found["invalidNodes"]] == [
        ("toolInvalid", "config.domain"),
        ("expressionInvalid", VALUE),
    ]
    assert "There is `domian` instead" in found["invalidNodes"][0]["message"]


async def test_a_connector_of_another_service_is_named(workshop: Workshop) -> None:
    connector = await workshop.backend.admin.connector()
    other = http(url=URL) | {"connectorUuid": connector["uuid"], "integrationSlug": "nowhere"}
    (fault,) = (await workshop.validate(line(other)))["invalidNodes"]
    assert (fault["reason"], fault["message"]) == (
        "connectorNotFound",
        f"The connector {connector['uuid']} is one of http, not of nowhere.",
    )


async def test_a_run_that_is_only_tried_shows_what_comes_of_it(workshop: Workshop) -> None:
    done = await workshop.backend.run({}, nodes=line(named("{{nodes.nope.id}}")))
    assert (done["run"]["status"], done["runContext"]["named"]) == ("success", {"x": None})


SCRIPTS = {
    "javascript": [
        "return nodes.start",
        "nodes.start.a",
        "await 1",
        "let nodes = 1; nodes.gone",
        "list.map(nodes => nodes.gone)",
        "({a: 1})",
    ],
    "python": ["result = nodes['start']['a']", "nodes = {}\nnodes['gone']", "f = lambda nodes: nodes['gone']", "nodes['gone'] = 1"],
}


async def test_code_that_can_run_and_names_of_its_own_raise_no_doubt(workshop: Workshop) -> None:
    slugs = {"javascript": "script", "python": "python"}
    scripts = [
        node(f"{language}{at}", slugs[language], config={"script": script})
        for language, listed in SCRIPTS.items()
        for at, script in enumerate(listed)
    ]
    found = await workshop.validate(line(*scripts))
    assert (found["outcome"], found.get("warnings") or []) == ("valid", [])


async def test_code_is_checked_without_being_run(workshop: Workshop) -> None:
    loops = [node("s", "script", config={"script": "while (true) {}"}), node("p", "python", config={"script": "while True: pass"})]
    assert (await workshop.validate(line(*loops)))["outcome"] == "valid"
