"""Fields of nodes that a language model fills, and questions to a model's records."""

from __future__ import annotations

import pytest

from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.simulators.language_models.control import Reply, Rule, Said
from tests.simulators.language_models.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ai(expression: str) -> dict[str, object]:
    return {"kind": "templateExpression", "expression": expression, "instructTo": "ai", "fromRecipe": False}


def variable(name: str, kind: str, value: object) -> dict[str, object]:
    return {"name": name, "type": kind, "value": value}


def fills(value: object) -> Rule:
    return lambda said: Reply(calls=[("final_result", {"value": value})]) if "final_result" in said.tools else None


async def test_a_field_is_filled_in_its_type_by_what_its_text_asks_for(backend: Backend, model: Running) -> None:
    def rule(said: Said) -> Reply:
        return Reply(calls=[("final_result", {"value": 3 if "How many" in said.last else "Dear Ada"})])

    model.control.rules.append(rule)
    variables = [
        variable("count", "number", ai("How many offices has {{ nodes.start.name.toUpperCase() }}?")),
        variable("greeting", "string", ai("Greet {{ nodes.start.buyer }}")),
    ]
    end = node("end", config={"variables": [*variables, variable("plain", "string", "{{ nodes.start.name }}")]})
    run = await backend.run({"name": "Acme", "buyer": "Ada"}, nodes=[node("start", children=("end",)), end])
    assert run["run"]["status"] == "success", run["run"]["errorMessage"]
    assert run["runContext"]["end"] == {"count": 3, "greeting": "Dear Ada", "plain": "Acme"}
    assert {said.last for said in model.control.said} == {"How many offices has ACME?", "Greet Ada"}
    schemas = [said.tools["final_result"]["properties"]["value"] for said in model.control.said if "offices" in said.last]
    assert schemas == [{"type": "number"}]


async def test_a_value_of_another_type_is_repaired_once_then_fails_the_node(backend: Backend, model: Running) -> None:
    model.control.rules.append(fills("three"))
    end = node("end", config={"variables": [variable("count", "number", ai("Count the doors of {{ nodes.start.name }}"))]})
    run = (await backend.run({"name": "Acme"}, nodes=[node("start", children=("end",)), end]))["run"]
    assert run["status"] == "error" and "filled by AI" in run["errorMessage"] and len(model.control.said) == 2


async def test_what_is_filled_decides_the_way(backend: Backend, model: Running) -> None:
    model.control.rules.append(fills(True))
    branch = node("branch", children=("yes", "no"), config={"condition": ai("Is {{ nodes.start.name }} a company?")})
    ends = [node(slug, "end", config={"variables": [variable("way", "string", slug)]}) for slug in ("yes", "no")]
    run = await backend.run({"name": "Acme"}, nodes=[node("start", children=("branch",)), branch, *ends])
    assert run["runContext"]["yes"] == {"way": "yes"}, run


async def test_the_same_instruction_is_followed_once_for_a_batch(backend: Backend, model: Running) -> None:
    model.control.rules.append(fills("EU"))
    end = node("end", config={"variables": [variable("region", "string", ai("The region of {{ nodes.start.country }}, once"))]})
    batch = await backend.batch(
        [{"_id": str(n), "country": "FR" if n % 2 else "DE"} for n in range(20)], nodes=[node("start", children=("end",)), end]
    )
    assert (batch["status"], batch["failedRunsCount"]) == ("success", 0) and len(model.control.said) == 2


async def test_without_a_language_model_the_node_says_how_to_connect_one(backend: Backend, model: Running) -> None:
    end = node("end", config={"variables": [variable("x", "string", ai("Say hello"))]})
    started = await backend.other_api.call("orchestration.run.create", data={}, nodes=[node("start", children=("end",)), end])
    run = (await backend.ended("runs", started["run"]["uuid"], backend.other_api))["run"]
    assert run["status"] == "error" and "connector create" in run["errorMessage"]


async def test_outside_of_nodes_no_model_is_asked(backend: Backend, model: Running) -> None:
    reply = await backend.admin.call("expression.expression.evaluate", expression=ai("Say hello"), variables={})
    assert "Only fields of nodes" in reply["errorMessage"] and model.control.said == []


async def test_a_question_about_a_model_is_answered_from_its_records_alone(backend: Backend, model: Running) -> None:
    uid = await backend.admin.model()
    await backend.admin.column(uid, slug="country", type="string", kind="custom")
    await backend.admin.add(uid, {"_id": "1", "country": "FR"}, {"_id": "2", "country": "DE"}, {"_id": "3", "country": "FR"})
    sql = {"sql": "select count(*) as n from records where country = 'FR'"}
    model.control.rules.append(
        lambda said: Reply(f"There are {said.results[0][1]}") if said.results else Reply(calls=[("query_records", sql)])
    )
    asking = node("ask", "modelAsk", (None,), config={"modelUuid": uid, "prompt": "How many are in {{ nodes.start.country }}?"})
    run = await backend.run({"country": "FR"}, nodes=[node("start", children=("ask",)), asking])
    assert run["run"]["status"] == "success", run["run"]["errorMessage"]
    assert '"n":2' in run["runContext"]["ask"]["answer"].replace(" ", "")
    heard = model.control.said[0]
    assert set(heard.tools) == {"query_records"} and heard.last == "How many are in FR?" and "country" in heard.system


async def test_another_workspaces_model_cannot_be_asked_about(backend: Backend, model: Running) -> None:
    uid = await backend.other_api.model()
    asking = node("ask", "modelAsk", (None,), config={"modelUuid": uid, "prompt": "How many?"})
    run = (await backend.run({}, nodes=[node("start", children=("ask",)), asking]))["run"]
    assert run["status"] == "error" and "no model" in run["errorMessage"] and model.control.said == []


async def test_a_dry_run_asks_no_model(backend: Backend, model: Running) -> None:
    end = node("end", config={"variables": [variable("x", "string", ai("Greet {{ nodes.start.name }}"))]})
    data = {"kind": "records", "records": [{"_id": "1", "name": "Ada"}]}
    reply = await backend.admin.call("orchestration.batch.create", dryRun=True, data=data, nodes=[node("start", children=("end",)), end])
    assert "dryRun" in reply and model.control.said == []
