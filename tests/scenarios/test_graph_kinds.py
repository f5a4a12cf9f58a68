"""Journeys with the kinds of nodes: code, groups, tools below tools, expressions tried before they run, and what quietly goes wrong."""

from __future__ import annotations

import json

import pytest

from cargo_ai.expression.sandbox.host import refusal
from tests.kit.processes.real_server import wait_until
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Json, Person

RUN = ("orchestration", "run", "create", "--wait-until-finished")
needs_javascript = pytest.mark.skipif(bool(refusal("javascript")), reason="this machine cannot jail JavaScript")
needs_python = pytest.mark.skipif(bool(refusal("python")), reason="this machine cannot jail Python")


def ran(person: Person, nodes: list[Json], data: Json) -> Json:
    """The finished run of a graph of its own."""
    found: Json = person(*RUN, "--nodes", "-", "--data", json.dumps(data), stdin=json.dumps(nodes))
    return found


def loop(url: str, *, fail: bool, output: str, value: str = "nodes.start.value") -> list[Json]:
    """start → for each of `domains`: ask the service → end with the first one's output."""
    inner = [
        graphs.start("company"),
        graphs.call("company", url + "/companies/{{" + value + "}}", ("end",)),
        graphs.end(company_name="{{nodes.company.body.name}}", asked_for="{{parentNodes.start.domains.length}}"),
    ]
    config = {"items": graphs.template("{{nodes.start.domains}}"), "failOnItemFailure": fail, "_nodes": inner}
    return [graphs.start("loop"), graphs.node("loop", "group", config, ("end",)), graphs.end(first=output)]


@pytest.mark.slow
@needs_javascript
def test_a_filter_then_variables_in_javascript(person: Person) -> None:
    variables = [{"name": "domain", "type": "string", "value": graphs.template("{{nodes.start.email.split('@')[1]}}")}]
    nodes = [
        graphs.start("present"),
        graphs.node("present", "filter", {"filter": graphs.template("{{nodes.start.email != null}}")}, ("extract",)),
        graphs.node("extract", "variables", {"variables": variables}, ("end",)),
        graphs.end(domain="{{nodes.extract.domain}}"),
    ]
    assert ran(person, nodes, {"email": "ann@acme.com"})["runContext"]["extract"] == {"domain": "acme.com"}
    stopped = ran(person, nodes, {})
    assert stopped["run"]["status"] == "success"
    assert [one["nodeSlug"] for one in stopped["run"]["executions"]] == ["start", "present"]


@pytest.mark.slow
@needs_javascript
@needs_python
def test_code_nodes(person: Person) -> None:
    python = "name = nodes['start']['name']\nresult = {'name': name.strip().title()}"
    script = "const {name} = nodes.normalize.result; return {length: name.length}"
    nodes = [
        graphs.start("normalize"),
        graphs.node("normalize", "python", {"script": python}, ("measure",)),
        graphs.node("measure", "script", {"script": script}, ("end",)),
        graphs.end(name="{{nodes.normalize.result.name}}", length="{{nodes.measure.result.length}}"),
    ]
    assert ran(person, nodes, {"name": " acme "})["runContext"]["end"] == {"name": "Acme", "length": 4}
    failed = ran(person, nodes, {"name": None})
    assert failed["run"]["status"] == "error"
    last = failed["run"]["executions"][-1]
    assert (last["nodeSlug"], last["status"]) == ("normalize", "error")
    assert "strip" in failed["runContext"]["normalize"]["errorMessage"]


def test_a_group_runs_its_nodes_once_per_item(person: Person, companies: Companies) -> None:
    nodes = loop(companies.url, fail=False, output="{{nodes.loop[0].company_name}}")
    workflow = person.deployed("Group", nodes)
    data = json.dumps({"domains": ["acme.com", "globex.com", "initech.com"]})
    done = person(*RUN, "--workflow-uuid", workflow, "--data", data)
    assert done["run"]["status"] == "success"
    outputs = done["runContext"]["loop"]
    assert [one["company_name"] for one in outputs] == ["Acme", "Globex", "Initech"] and done["runContext"]["end"] == {"first": "Acme"}
    assert {one["asked_for"] for one in outputs} == {3}
    of_group = ("--workflow-uuid", workflow, "--parent-uuid", done["run"]["uuid"])
    below = person("orchestration", "run", "list", *of_group)["runs"]
    assert len(below) == 3 and {(one["isGroupParent"], one["parentNodeUuid"]) for one in below} == {(True, graphs.uuid_of("loop"))}
    records = person("orchestration", "record", "list", "--workflow-uuid", workflow)["records"]
    assert {done["run"]["uuid"]} == {one["parentRunUuid"] for one in records if one["isGroupParent"]}


@pytest.mark.slow
@pytest.mark.parametrize(("fail", "status"), [(False, "success"), (True, "error")])
def test_an_item_that_fails_fails_the_group_when_reported_so(person: Person, companies: Companies, fail: bool, status: str) -> None:
    nodes = loop(companies.url, fail=fail, output="{{nodes.loop[0].company_name}}", value="nodes.start.domain")
    done = ran(person, nodes, {"domains": [{"domain": "acme.com"}, {"domain": "broken.com"}]})
    assert done["run"]["status"] == status
    assert [one["nodeSlug"] for one in done["run"]["executions"]] == (["start", "loop"] if fail else ["start", "loop", "end"])


@pytest.mark.slow
def test_a_group_without_an_end_is_found_out(person: Person) -> None:
    inner = [graphs.start("name"), graphs.node("name", "variables", {"variables": []})]
    nodes = [graphs.start("loop"), graphs.node("loop", "group", {"items": [1], "_nodes": inner}, ("end",)), graphs.end()]
    found = person.validated(json.dumps(nodes))
    assert (found["outcome"], found["invalidNodes"][0]["reason"]) == ("notValid", "subNodesInvalid")
    assert found["invalidNodes"][0]["invalidNodes"]


@pytest.mark.slow
def test_a_tool_in_a_tool(person: Person, companies: Companies) -> None:
    person.deployed("Find the name", graphs.enrich(companies.url))
    tool = person("orchestration", "tool", "list")["tools"][0]["uuid"]
    find = graphs.node("find", "", {"domain": graphs.template("{{nodes.start.site}}")}, ("end",), kind="tool", toolUuid=tool)
    del find["actionSlug"]
    done = ran(person, [graphs.start("find"), find, graphs.end(name="{{nodes.find.company_name}}")], {"site": "acme.com"})
    assert done["runContext"]["end"] == {"name": "Acme"}


@pytest.mark.slow
def test_a_node_is_computed_and_executed_alone(person: Person, companies: Companies) -> None:
    workflow = person.deployed("Alone", graphs.enrich(companies.url))
    node = json.dumps({**graphs.enrich(companies.url)[1], "childrenUuids": []})
    context = json.dumps({"nodes": {"start": {"domain": "acme.com"}}})
    before = companies.calls_to("acme.com")
    computed = json.dumps(person("orchestration", "node", "compute", "--node", node, "--context", context))
    assert f"{companies.url}/companies/acme.com" in computed and companies.calls_to("acme.com") == before
    config = json.dumps({"method": "GET", "url": f"{companies.url}/companies/acme.com"})
    execute = ("orchestration", "node", "execute", "--workflow-uuid", workflow, "--node", node, "--context", context)
    for more in ((), ("--computed-config", config)):
        assert "Acme" in json.dumps(person(*execute, *more))
    assert companies.calls_to("acme.com") == before + 2


@pytest.mark.slow
def test_what_quietly_goes_wrong(person: Person) -> None:
    """Slugs are case sensitive, paths that lead nowhere give nothing, and a malformed brace is text."""
    values = {"lower": "{{nodes.start.name}}", "upper": "{{nodes.Start.name}}", "nowhere": "{{nodes.start.a.b}}", "text": "{{ a"}
    done = ran(person, [graphs.start("end"), graphs.end(**values)], {"name": "Ann"})
    assert done["run"]["status"] == "success"
    assert {name: value for name, value in done["runContext"]["end"].items() if value is not None} == {"lower": "Ann", "text": "{{ a"}


@pytest.mark.slow
def test_a_tool_on_a_cron(person: Person) -> None:
    tool = person("orchestration", "tool", "create", "--name", "Monday pull", "--description", "d")["tool"]
    assert tool["description"] == "d"
    graph = json.dumps([graphs.start("end"), graphs.end(answer="pulled")])
    workflow = ("--workflow-uuid", tool["workflowUuid"])
    person("orchestration", "draft-release", "update", *workflow, "--nodes", graph)
    assert person("orchestration", "draft-release", "get", *workflow)["release"]["status"] == "draft"
    assert person("orchestration", "release", "get-draft", *workflow)["release"]["nodes"][0]["slug"] == "start"
    person("orchestration", "draft-release", "deploy", *workflow, "--nodes", graph, "--form-fields", "null", "--description", "first")
    trigger: Json = {"name": "Monday", "type": "cron", "cron": "0 9 * * 1", "data": {}}
    person("orchestration", "tool", "update", "--uuid", tool["uuid"], "--triggers", json.dumps([trigger]))
    listed = next(one for one in person("orchestration", "tool", "list")["tools"] if one["uuid"] == tool["uuid"])
    (kept,) = listed["triggers"]
    assert {name: kept[name] for name in trigger} == trigger
    assert person(*RUN, *workflow, "--data", "{}")["run"]["status"] == "success"
    wrong = json.dumps([{**trigger, "cron": "99 9 * * 1"}])
    assert person.refused("orchestration", "tool", "update", "--uuid", tool["uuid"], "--triggers", wrong)["errorMessage"]
    deployed = person("orchestration", "release", "get-deployed", *workflow)["release"]
    assert (deployed["status"], deployed["version"], deployed["description"]) == ("deployed", "1.0.0", "first")


@pytest.mark.slow
def test_a_run_that_stays_pending_says_why(person: Person) -> None:
    workflow = person("orchestration", "tool", "create", "--name", "Empty")["tool"]["workflowUuid"]
    refusal = person.refused("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", "{}")
    assert "deploy" in refusal["fix"]
    waits = person.deployed("Waits", graphs.wait(60))
    run = person("orchestration", "run", "create", "--workflow-uuid", waits, "--data", "{}")["run"]["uuid"]
    wait_until(lambda: person("orchestration", "run", "get", run)["run"]["status"] == "idle", 20, "the delay")
    explained = person("orchestration", "run", "explain", run)["explanation"]
    assert (explained["reason"], explained["nodeSlug"]) == ("waitingForTime", "pause")
    person("orchestration", "run", "cancel", "--workflow-uuid", waits, "--uuids", run)
