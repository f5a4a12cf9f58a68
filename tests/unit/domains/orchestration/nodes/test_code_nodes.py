"""JavaScript in configs, `script` and `python` nodes: by real requests, with a worker and a real sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.expression.sandbox.host import refusal
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORD = {"_id": "1", "email": "Jane@Acme.com", "tags": ["b", "a"]}


def variables(**values: Any) -> Body:
    return {"variables": [{"name": name, "type": "any", "value": value} for name, value in values.items()]}


def line(*between: Body) -> list[Body]:
    """start → … → end; the end repeats what the last one gave."""
    slugs = ["start", *(one["slug"] for one in between), "end"]
    nodes = [node("start"), *between, node("end", config=variables(out=f"{{{{nodes.{slugs[-2]}}}}}"))]
    return [one | {"childrenUuids": [slugs[at + 1]] if at + 1 < len(slugs) else []} for at, one in enumerate(nodes)]


async def outcome(backend: Backend, *between: Body) -> tuple[Body, Any]:
    """The run and what its last node gave."""
    found = await backend.run(RECORD, nodes=line(*between))
    return found["run"], found["runContext"].get("end", {}).get("out")


async def refused_here(backend: Backend, *between: Body) -> bool:
    """Where there is no sandbox: the graph is refused when it is checked, with a sentence that says why."""
    if refusal("javascript") is None and refusal("python") is None:
        return False
    found = await backend.admin.call("orchestration.node.validate", nodes=line(*between))
    reported = str(found["invalidNodes"])
    assert found["outcome"] == "notValid" and ("on this server" in reported or "server cannot" in reported)
    return True


async def test_javascript_in_a_config_is_evaluated_by_the_engine(backend: Backend) -> None:
    values = variables(
        domain="{{nodes.start.email.toLowerCase().split('@')[1]}}", text="Hi {{nodes.start.tags.sort().join(' & ')}}, {{nodes.nope.x + 1}}"
    )
    if await refused_here(backend, node("v", "variables", config=values)):
        return
    run, out = await outcome(backend, node("v", "variables", config=values))
    assert run["status"] == "success"
    assert out == {"domain": "acme.com", "text": "Hi a & b, NaN"}


async def test_a_script_and_a_python_node_compute(backend: Backend) -> None:
    script = node("s", "script", config={"script": "const _ = require('lodash'); return {tags: _.sortBy(nodes.start.tags)}"})
    python = node("p", "python", config={"script": "print('seen')\nresult = [tag.upper() for tag in nodes['s']['result']['tags']]"})
    if await refused_here(backend, script, python):
        return
    run, out = await outcome(backend, script, python)
    assert run["status"] == "success"
    assert out == {"result": ["A", "B"]}


@pytest.mark.parametrize(
    ("action", "code", "sentence"),
    [
        ("script", "return nodes.nope.x", "TypeError: cannot read property 'x' of undefined"),
        ("python", "result = nodes['nope']", "KeyError: 'nope' (line 1)"),
        ("python", "import os\nos._exit(1)", "ended its process"),
    ],
)
async def test_code_that_fails_fails_its_node_and_the_worker_goes_on(backend: Backend, action: str, code: str, sentence: str) -> None:
    failing = node("x", action, config={"script": code})
    if await refused_here(backend, failing):
        return
    run, _ = await outcome(backend, failing)
    assert run["status"] == "error" and sentence in run["errorMessage"]
    again, out = await outcome(backend, node("x", action, config={"script": "return 1" if action == "script" else "result = 1"}))
    assert (again["status"], out) == ("success", {"result": 1})


async def test_an_expression_that_fails_names_itself(backend: Backend) -> None:
    failing = node("v", "variables", config=variables(x="{{nodes.start.nope.trim()}}"))
    if await refused_here(backend, failing):
        return
    run, _ = await outcome(backend, failing)
    assert run["status"] == "error"
    assert "{{nodes.start.nope.trim()}} failed: TypeError: nodes.start.nope is undefined" in run["errorMessage"]


async def test_a_batch_of_many_records_is_evaluated(backend: Backend) -> None:
    shout = node("v", "variables", config=variables(shout="{{nodes.start.name.toUpperCase()}}", n="{{nodes.start.n * 2}}"))
    if await refused_here(backend, shout):
        return
    batch = await backend.batch([{"_id": str(at), "name": f"n{at}", "n": at} for at in range(300)], nodes=line(shout))
    assert (batch["status"], batch["runsCount"], batch["failedRunsCount"]) == ("success", 300, 0)


async def test_syntax_errors_of_javascript_are_found_when_a_graph_is_checked(backend: Backend) -> None:
    broken = node("v", "variables", config=variables(a="{{nodes.start.tags.map(tag => }}", b="{{nodes.start.tags.map(tag => tag)}}"))
    if await refused_here(backend, broken):
        return
    found = await backend.admin.call("orchestration.node.validate", nodes=line(broken))
    assert found["outcome"] == "notValid"
    ((fault),) = found["invalidNodes"]
    assert fault["reason"] == "expressionInvalid"


async def test_readyz_tells_the_level_of_the_sandbox(backend: Backend) -> None:
    from cargo_ai.expression.sandbox.host import level

    assert (await backend.admin.http.get("/readyz")).json()["sandbox"] == level()
