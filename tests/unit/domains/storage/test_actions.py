"""Model actions: what workflow nodes do with records, told to the outbox, safe to repeat."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from cargo_ai.domains.storage.actions.nodes import Act, ModelNodes, insert_record, remove_records, update_records, upsert_record
from cargo_ai.domains.storage.actions.search import search_records
from cargo_ai.domains.workspace import door
from cargo_ai.engine.action import Call, Done, Failed
from cargo_ai.kernel import ids
from cargo_ai.server.state import State
from tests.unit.domains.storage.conftest import Asker, Body


class Nodes:
    """A worker's model actions in one workspace."""

    def __init__(self, state: State, workspace: uuid.UUID) -> None:
        self._nodes, self._workspace = ModelNodes(state.database), workspace

    async def act(self, act: Act, config: Body, *, key: str = "", workspace: uuid.UUID | None = None) -> Any:
        """One attempt of one node."""
        run = ids.new()
        call = Call(workspace or self._workspace, None, run, None, run, {}, config, {}, key or f"{run}:n:1", 1)
        return await self._nodes.performing(act)(call)

    async def done(self, act: Act, config: Body, *, key: str = "") -> Done:
        """One that must succeed."""
        outcome = await self.act(act, config, key=key)
        assert isinstance(outcome, Done), outcome
        return outcome

    async def failed(self, act: Act, config: Body) -> str:
        """What one that must fail says."""
        outcome = await self.act(act, config)
        assert isinstance(outcome, Failed), outcome
        return outcome.message


@pytest.fixture
def nodes(state: State, born: door.Bootstrap) -> Nodes:
    """The first workspace's."""
    return Nodes(state, born.workspace_uuid)


def by(uid: str, domain: str, **values: Any) -> Body:
    """The config of a node that finds companies by domain."""
    mapped = [{"columnSlug": slug, "value": value} for slug, value in values.items()]
    return {"modelUuid": uid, "matchingColumnSlug": "domain", "matchingValue": domain, "mappings": mapped}


async def test_insert_adds_a_record_once_however_often_it_is_repeated(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model("notes", columns=[{"slug": "text", "type": "string"}])
    config = {"modelUuid": uid, "mappings": [{"columnSlug": "text", "value": "a"}]}
    first, again = await nodes.done(insert_record, config, key="r:n:1"), await nodes.done(insert_record, config, key="r:n:1")
    assert first.output == again.output
    await nodes.done(insert_record, config, key="r:n:2")
    assert len(await asker.records(uid)) == 2


async def test_upsert_adds_and_then_changes(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model()
    made = await nodes.done(upsert_record, by(uid, "a.com", name="A", employees="12"))
    assert made.output["isNew"] is True
    assert (made.output["record"]["_id"], made.output["record"]["employees"]) == ("a.com", 12)
    again = await nodes.done(upsert_record, by(uid, "a.com", name="B"))
    assert again.output["isNew"] is False
    assert [(record["name"], record["employees"]) for record in await asker.records(uid)] == [("B", 12)]


async def test_upsert_by_a_column_that_is_no_id(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model("notes", columns=[{"slug": "no", "type": "number"}, {"slug": "text", "type": "string"}])
    config = {"modelUuid": uid, "matchingColumnSlug": "no", "matchingValue": "7", "mappings": {"text": "x"}}
    first = await nodes.done(upsert_record, config)
    assert first.output["record"]["no"] == 7
    assert (await nodes.done(upsert_record, config | {"matchingValue": 7.0})).output["record"] == first.output["record"]


async def test_runs_that_upsert_the_same_value_at_once_make_one_record(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model("notes", columns=[{"slug": "mail", "type": "string"}, {"slug": "n", "type": "number"}])
    configs = [{"modelUuid": uid, "matchingColumnSlug": "mail", "matchingValue": "a@b.c", "mappings": {"n": n}} for n in range(8)]
    outcomes = await asyncio.gather(*(nodes.done(upsert_record, config) for config in configs))
    assert sum(outcome.output["isNew"] for outcome in outcomes) == 1
    assert len(await asker.records(uid)) == 1


async def test_policies_say_what_may_be_replaced(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model()
    await asker.add(uid, {"domain": "a.com", "name": "A", "employees": 1})
    config = by(uid, "a.com")
    config["mappings"] = [
        {"columnSlug": "name", "value": "B", "policy": "fillEmpty"},
        {"columnSlug": "employees", "value": None, "policy": "keepOnNull"},
        {"columnSlug": "founded", "value": "2020-01-01", "policy": "fillEmpty"},
    ]
    record = (await nodes.done(upsert_record, config)).output["record"]
    assert (record["name"], record["employees"], record["founded"]) == ("A", 1, "2020-01-01T00:00:00.000Z")
    record = (await nodes.done(update_records, by(uid, "a.com", name=None))).output["record"]
    assert record["name"] is None


async def test_update_and_remove_take_all_that_match(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model()
    await asker.add(uid, {"domain": "a.com", "name": "X"}, {"domain": "b.com", "name": "X"}, {"domain": "c.com", "name": "Y"})
    config = {"modelUuid": uid, "matchingColumnSlug": "name", "matchingValue": "X", "mappings": {"employees": 5}}
    assert (await nodes.done(update_records, config)).output["count"] == 2
    assert [record["employees"] for record in await asker.records(uid)] == [5, 5, None]
    assert (await nodes.done(remove_records, config)).output == {"count": 2}
    assert (await nodes.done(remove_records, config)).output == {"count": 0}
    assert (await nodes.done(update_records, config)).output == {"record": None, "count": 0}


async def test_search_filters_sorts_and_counts(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model()
    await asker.add(uid, *({"domain": f"{n}.com", "employees": n} for n in range(5)))
    condition = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 1}
    config = {
        "modelUuid": uid, "filter": {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]},
        "sort": [{"columnSlug": "employees", "kind": "desc"}], "limit": 2,
    }  # fmt: skip
    output = (await nodes.done(search_records, config)).output
    assert output["count"] == 3
    assert [record["employees"] for record in output["records"]] == [4, 3]
    assert output["record"] == output["records"][0]
    assert (await nodes.done(search_records, {"modelUuid": uid})).output["count"] == 5


async def test_what_cannot_be_done_fails_in_words(asker: Asker, nodes: Nodes) -> None:
    uid = await asker.model()
    assert "no model nothing" in await nodes.failed(insert_record, {"modelUuid": "nothing", "mappings": []})
    assert "domain: is missing" in await nodes.failed(insert_record, {"modelUuid": uid, "mappings": {"name": "A"}})
    assert '"x" is not a number' in await nodes.failed(upsert_record, by(uid, "a.com", employees="x"))
    assert "did you mean employees" in await nodes.failed(upsert_record, by(uid, "a.com", employes=1))
    assert "matchingColumnSlug" in await nodes.failed(update_records, {"modelUuid": uid, "mappings": {}})
    assert "has no stored column nope" in await nodes.failed(remove_records, by(uid, "a") | {"matchingColumnSlug": "nope"})
    await nodes.done(insert_record, {"modelUuid": uid, "mappings": {"domain": "a.com"}})
    assert "already" in await nodes.failed(insert_record, {"modelUuid": uid, "mappings": {"domain": "a.com"}})
    assert await asker.records(uid) != []


async def test_models_of_another_workspace_are_unknown_to_nodes(asker: Asker, stranger: Asker, nodes: Nodes) -> None:
    theirs = await stranger.model()
    assert "no model" in await nodes.failed(insert_record, {"modelUuid": theirs, "mappings": {"domain": "a.com"}})


async def test_graphs_with_model_nodes_are_valid_and_their_models_cannot_be_removed(asker: Asker) -> None:
    uid = await asker.model()
    first, second, third = (f"{n * 8}-{n * 4}-4{n * 3}-8{n * 3}-{n * 12}" for n in "123")
    graph = [
        node(first, "start", "start", {}, [second]),
        node(second, "save", "modelUpsert", by(uid, "{{nodes.start.domain}}"), [third]),
        node(third, "end", "end", {"variables": []}, []),
    ]
    assert await asker.ask("orchestration.node.validate", nodes=graph) == {"outcome": "valid"}
    tool = (await asker.ask("orchestration.tool.create", name="T"))["tool"]
    await asker.ask("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    await asker.ask("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"])
    assert await asker.refused("storage.model.remove", uuid=uid) == (409, "hasWorkflows")
    found = (await asker.ask("connection.nativeIntegration.get"))["nativeIntegration"]["actions"]
    assert {"modelInsert", "modelUpdate", "modelUpsert", "modelSearch", "modelRemove"} <= set(found)


def node(uid: str, slug: str, action: str, config: Body, children: list[str]) -> Body:
    """A native node."""
    return {
        "uuid": uid, "slug": slug, "kind": "native", "actionSlug": action, "config": config, "childrenUuids": children,
        "fallbackOnFailure": False, "position": {"x": 0, "y": 0},
    }  # fmt: skip
