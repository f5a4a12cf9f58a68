"""What workflows remember from run to run, anyone who counts at the same time and whatever happens to a worker."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from cargo_ai.domains.orchestration.actions import memory
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


def call(
    backend: Backend,
    workflow: uuid.UUID | None,
    config: Body,
    key: str | None = None,
    record: str | None = None,
    workspace: str | None = None,
) -> Call:
    """One attempt of a memory node, in the place's workspace by default."""
    run = ids.new()
    raw: Body = {"uuid": "m", "slug": "m", "kind": "native", "actionSlug": "memory"}
    start: Body = {} if record is None else {"_id": record}
    owner = uuid.UUID(workspace or backend.workspace)
    return Call(owner, workflow, run, None, run, raw, config, {"start": start}, key or f"{run}:m:1", 1)


async def use(backend: Backend, workflow: uuid.UUID | None, config: Body, key: str | None = None, record: str | None = None) -> Body:
    """What a memory node gives."""
    outcome = await attempt(backend, call(backend, workflow, config, key, record))
    assert isinstance(outcome, Done), outcome
    return outcome.output


async def attempt(backend: Backend, made: Call) -> Outcome:
    memory = backend.state.services.actions.native("memory")
    assert memory is not None
    return await memory.execute(made)


async def test_a_run_finds_what_an_earlier_run_has_left(backend: Backend) -> None:
    config = {"operation": "increment", "key": "seen", "by": "{{nodes.start.by}}"}
    nodes = [node("start", children=("count",)), node("count", "memory", ("end",), config=config), node("end")]
    made, _ = await backend.admin.deployed(nodes)
    outputs = [(await backend.run({"by": by}, workflowUuid=made["workflowUuid"]))["runContext"]["count"] for by in (2, 3)]
    assert outputs == [
        {"key": "seen", "value": 2, "previous": None, "found": False},
        {"key": "seen", "value": 5, "previous": 2, "found": True},
    ]


async def test_get_set_append_increment_and_delete_say_what_was_and_what_is(backend: Backend) -> None:
    w = ids.new()
    assert await _of(backend, w, "get", default="none") == ("none", None, False)
    assert await _of(backend, w, "set", value={"a": [1, None]}) == ({"a": [1, None]}, None, False)
    assert await _of(backend, w, "get", default="none") == ({"a": [1, None]}, {"a": [1, None]}, True)
    assert await _of(backend, w, "set", value=[1]) == ([1], {"a": [1, None]}, True)
    assert await _of(backend, w, "append", value=2) == ([1, 2], [1], True)
    assert await _of(backend, w, "append", value=3, keepLast=2) == ([2, 3], [1, 2], True)
    assert await _of(backend, w, "delete") == (None, [2, 3], True)
    assert await _of(backend, w, "delete") == (None, None, False)
    assert await _of(backend, w, "increment", by=0.5) == (0.5, None, False)
    assert await _of(backend, w, "increment", by="1.5") == (2, 0.5, True)


async def _of(backend: Backend, workflow: uuid.UUID, operation: str, **config: Any) -> tuple[Any, Any, bool]:
    found = await use(backend, workflow, {"operation": operation, "key": "x", **config})
    return found["value"], found["previous"], found["found"]


async def test_of_many_counts_at_once_none_is_lost(backend: Backend) -> None:
    w = ids.new()
    calls = [call(backend, w, {"operation": "increment", "key": "n"}) for _ in range(40)]
    outcomes = await asyncio.gather(*(attempt(backend, one) for one in calls))
    values = sorted(outcome.output["value"] for outcome in outcomes if isinstance(outcome, Done))
    assert values == list(range(1, 41))


async def test_a_repeated_attempt_changes_nothing_and_gives_what_the_first_gave(backend: Backend) -> None:
    w, key = ids.new(), f"{ids.new()}:m:1"
    tries = [await use(backend, w, {"operation": "increment", "key": "n"}, key) for _ in range(3)]
    assert tries == [{"key": "n", "value": 1, "previous": None, "found": False}] * 3
    made = call(backend, w, {"operation": "append", "key": "list", "value": 1})
    await asyncio.gather(*(attempt(backend, made) for _ in range(5)))
    assert (await use(backend, w, {"key": "list"}))["value"] == [1]


async def test_workflows_records_and_workspaces_do_not_see_each_others_memory(backend: Backend) -> None:
    mine, other = ids.new(), ids.new()
    await use(backend, mine, {"operation": "set", "key": "k", "value": "workflow"})
    await use(backend, mine, {"operation": "set", "key": "k", "value": "record", "scope": "record"}, record="r1")
    await use(backend, mine, {"operation": "set", "key": "k", "value": "workspace", "scope": "workspace"})
    of_record = {"key": "k", "scope": "record"}
    assert (await use(backend, mine, {"key": "k"}))["value"] == "workflow"
    assert (await use(backend, mine, of_record, record="r1"))["value"] == "record"
    assert (await use(backend, mine, {**of_record, "recordId": "r1"}))["value"] == "record"
    assert (await use(backend, other, {"key": "k", "scope": "workspace"}))["value"] == "workspace"
    assert not (await use(backend, mine, of_record, record="r2"))["found"]
    assert not (await use(backend, other, of_record, record="r1"))["found"]
    assert not (await use(backend, other, {"key": "k"}))["found"]
    other_api = (await backend.other_api.call("workspaceManagement.workspace.getCurrent"))["workspace"]["uuid"]
    outcome = await attempt(backend, call(backend, other, {"key": "k", "scope": "workspace"}, workspace=other_api))
    assert isinstance(outcome, Done) and outcome.output["found"] is False


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "`key`"),
        ({"key": ""}, "`key`"),
        ({"key": "k" * 201}, "`key`"),
        ({"key": "k", "operation": "steal"}, "get, set, append, increment, delete"),
        ({"key": "k", "scope": "world"}, "workflow, workspace, record"),
        ({"key": "k", "operation": "set"}, "needs `value`"),
        ({"key": "k", "operation": "increment", "by": "much"}, "`by`"),
        ({"key": "k", "operation": "increment", "by": 1e300}, "`by`"),
        ({"key": "text", "operation": "increment"}, "is not a number"),
        ({"key": "text", "operation": "append", "value": 1}, "is not a list"),
        ({"key": "k", "operation": "set", "value": "x" * 70_000}, "65,536"),
        ({"key": "k", "scope": "record"}, "`recordId`"),
    ],
)
async def test_what_cannot_be_remembered_fails_the_node_in_a_sentence(backend: Backend, config: Body, words: str) -> None:
    w = ids.new()
    await use(backend, w, {"operation": "set", "key": "text", "value": "a"})
    outcome = await attempt(backend, call(backend, w, config))
    assert isinstance(outcome, Failed) and words in outcome.message


async def test_a_memory_that_is_full_takes_no_further_key_but_changes_what_it_has(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MAX_KEYS", 2)
    w = ids.new()
    for key in ("a", "b"):
        await use(backend, w, {"operation": "set", "key": key, "value": 1})
    outcome = await attempt(backend, call(backend, w, {"operation": "set", "key": "c", "value": 1}))
    assert isinstance(outcome, Failed) and "delete some first" in outcome.message
    assert (await use(backend, w, {"operation": "set", "key": "a", "value": 2}))["previous"] == 1


async def test_what_is_remembered_can_be_seen_and_forgotten_by_its_own_workspace(backend: Backend) -> None:
    ask, w, other = backend.admin.call, ids.new(), ids.new()
    for workflow, scope, key in ((w, "workflow", "seen"), (w, "workflow", "last"), (w, "record", "seen"), (other, "workflow", "seen")):
        await use(backend, workflow, {"operation": "set", "scope": scope, "key": key, "value": {"n": 1}}, record="acme 100%")
    found = await ask("orchestration.memory.list", workflowUuid=str(w))
    assert found["count"] == 3
    assert [(one["scope"], one["workflowUuid"], one["recordId"], one["key"], one["value"]) for one in found["memories"]] == [
        ("record", str(w), "acme 100%", "seen", {"n": 1}),
        ("workflow", str(w), None, "last", {"n": 1}),
        ("workflow", str(w), None, "seen", {"n": 1}),
    ]
    assert (await ask("orchestration.memory.list", workflowUuid=str(w), scope="workflow", key="seen"))["count"] == 1
    assert (await ask("orchestration.memory.list", recordId="acme 100%"))["count"] == 1
    for other_record in ("acme 1000", "100%"):
        assert (await ask("orchestration.memory.list", recordId=other_record))["count"] == 0
    mine = {"scope": "workflow", "workflowUuid": str(w)}
    assert (await backend.other_api.call("orchestration.memory.list", workflowUuid=str(w)))["count"] == 0
    assert (await backend.other_api.refusal("orchestration.memory.remove", **mine, key="seen"))[1]["reason"] == "memoryNotFound"
    assert (await backend.other_api.call("orchestration.memory.clear", **mine))["count"] == 0
    assert (await ask("orchestration.memory.remove", **mine, key="seen"))["count"] == 1
    assert (await backend.admin.refusal("orchestration.memory.remove", **mine, key="seen"))[0] == 404
    assert (await ask("orchestration.memory.clear", scope="record", workflowUuid=str(w), recordId="acme 100%"))["count"] == 1
    assert [one["key"] for one in (await ask("orchestration.memory.list", workflowUuid=str(w)))["memories"]] == ["last"]
    assert (await ask("orchestration.memory.list", workflowUuid=str(other)))["count"] == 1
    for fields in ({"scope": "record", "workflowUuid": str(w)}, {"scope": "workspace", "workflowUuid": str(w)}, {"scope": "workflow"}):
        assert (await backend.admin.refusal("orchestration.memory.clear", **fields))[0] == 400
