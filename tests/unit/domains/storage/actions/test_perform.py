"""Model actions: what workflow nodes do with records, published, safe to repeat."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Literal

import pytest

from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped, Kind
from cargo_ai.domains.storage.actions.model_nodes.group_search import GroupedSearches
from cargo_ai.domains.storage.actions.model_nodes.transaction import Act, ModelNodes
from cargo_ai.domains.storage.actions.model_remove import remove_records
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Done, Failed, InvalidConfig, Perform
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.kit.published import collect


class Nodes:
    """A worker's model actions in one workspace."""

    def __init__(self, state: State, workspace: uuid.UUID) -> None:
        self._nodes, self._grouped, self._workspace = ModelNodes(state.services), Grouped(state.database, state.settings), workspace
        self._searches = GroupedSearches(state.services)

    async def act(self, act: Act | Kind | Literal["search"], config: Body, *, key: str = "", workspace: uuid.UUID | None = None) -> Any:
        """One attempt of one node."""
        run = ids.new()
        call = Call(workspace or self._workspace, None, run, None, run, {}, config, {}, key or f"{run}:n:1", 1)
        perform = self._searches.perform if act == "search" else self._performing(act)
        try:
            return await perform(call)
        except InvalidConfig as error:
            return Failed(str(error))

    def _performing(self, act: Act | Kind) -> Perform:
        return self._grouped.writing(act) if not callable(act) else self._nodes.performing(act)

    async def done(self, act: Act | Kind | Literal["search"], config: Body, *, key: str = "") -> Done:
        """One that must succeed."""
        outcome = await self.act(act, config, key=key)
        assert isinstance(outcome, Done), outcome
        return outcome

    async def failed(self, act: Act | Kind | Literal["search"], config: Body) -> str:
        """What one that must fail says."""
        outcome = await self.act(act, config)
        assert isinstance(outcome, Failed), outcome
        return outcome.message


@pytest.fixture
def nodes(state: State, first_workspace: public.Bootstrap) -> Nodes:
    """The first workspace's."""
    return Nodes(state, first_workspace.workspace_uuid)


def only(condition: Body) -> Body:
    """A filter of one condition."""
    return {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}


def by(uid: str, domain: str, **values: Any) -> Body:
    """The config of a node that finds companies by domain."""
    mapped = [{"columnSlug": slug, "value": value} for slug, value in values.items()]
    return {"modelUuid": uid, "matchingColumnSlug": "domain", "matchingValue": domain, "mappings": mapped}


async def test_insert_adds_a_record_once_however_often_it_is_repeated(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model("notes", columns=[{"slug": "text", "type": "string"}])
    config = {"modelUuid": uid, "mappings": [{"columnSlug": "text", "value": "a"}]}
    first, again = await nodes.done("insert", config, key="r:n:1"), await nodes.done("insert", config, key="r:n:1")
    assert first.output == again.output
    await nodes.done("insert", config, key="r:n:2")
    assert len(await api.records(uid)) == 2


async def test_upsert_adds_and_then_changes(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    made = await nodes.done("upsert", by(uid, "a.com", name="A", employees="12"))
    assert made.output["isNew"] is True
    assert (made.output["record"]["_id"], made.output["record"]["employees"]) == ("a.com", 12)
    again = await nodes.done("upsert", by(uid, "a.com", name="B"))
    assert again.output["isNew"] is False
    assert [(record["name"], record["employees"]) for record in await api.records(uid)] == [("B", 12)]


async def test_upsert_by_a_column_that_is_no_id(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model("notes", columns=[{"slug": "no", "type": "number"}, {"slug": "text", "type": "string"}])
    config = {"modelUuid": uid, "matchingColumnSlug": "no", "matchingValue": "7", "mappings": {"text": "x"}}
    first = await nodes.done("upsert", config)
    assert first.output["record"]["no"] == 7
    assert (await nodes.done("upsert", config | {"matchingValue": 7.0})).output["record"] == first.output["record"]


async def test_runs_that_upsert_the_same_value_at_once_make_one_record(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model("notes", columns=[{"slug": "mail", "type": "string"}, {"slug": "n", "type": "number"}])
    configs = [{"modelUuid": uid, "matchingColumnSlug": "mail", "matchingValue": "a@b.c", "mappings": {"n": n}} for n in range(8)]
    outcomes = await asyncio.gather(*(nodes.done("upsert", config) for config in configs))
    assert sum(outcome.output["isNew"] for outcome in outcomes) == 1
    assert len(await api.records(uid)) == 1


async def test_policies_say_what_may_be_replaced(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "A", "employees": 1})
    config = by(uid, "a.com")
    config["mappings"] = [
        {"columnSlug": "name", "value": "B", "policy": "fillEmpty"},
        {"columnSlug": "employees", "value": None, "policy": "keepOnNull"},
        {"columnSlug": "founded", "value": "2020-01-01", "policy": "fillEmpty"},
    ]
    record = (await nodes.done("upsert", config)).output["record"]
    assert (record["name"], record["employees"], record["founded"]) == ("A", 1, "2020-01-01T00:00:00.000Z")
    record = (await nodes.done("update", by(uid, "a.com", name=None))).output["record"]
    assert record["name"] is None


async def test_update_and_remove_take_all_that_match(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "X"}, {"domain": "b.com", "name": "X"}, {"domain": "c.com", "name": "Y"})
    config = {"modelUuid": uid, "matchingColumnSlug": "name", "matchingValue": "X", "mappings": {"employees": 5}}
    assert (await nodes.done("update", config)).output["count"] == 2
    assert [record["employees"] for record in await api.records(uid)] == [5, 5, None]
    assert (await nodes.done(remove_records, config)).output == {"count": 2}
    assert (await nodes.done(remove_records, config)).output == {"count": 0}
    assert (await nodes.done("update", config)).output == {"record": None, "count": 0}


async def test_search_filters_sorts_and_counts(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{n}.com", "employees": n} for n in range(5)))
    condition = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 1}
    config = {
        "modelUuid": uid, "filter": {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]},
        "sort": [{"columnSlug": "employees", "kind": "desc"}], "limit": 2,
    }  # fmt: skip
    output = (await nodes.done("search", config)).output
    assert output["count"] == 3
    assert [record["employees"] for record in output["records"]] == [4, 3]
    assert output["record"] == output["records"][0]
    assert (await nodes.done("search", {"modelUuid": uid})).output["count"] == 5


async def test_search_takes_saved_segments_and_sql(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{n}.com", "employees": n} for n in range(5)))

    large = only({"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 1})
    made = await api.call("segmentation.segment.create", name="Large", modelUuid=uid, filter=large)
    for condition, count in (
        ({"kind": "segment", "segmentUuid": made["segment"]["uuid"], "operator": "in"}, 3),
        ({"kind": "segment", "segmentUuid": made["segment"]["uuid"], "operator": "notIn"}, 2),
        ({"kind": "sql", "clause": "employees BETWEEN 2 AND 3"}, 2),
    ):
        assert (await nodes.done("search", {"modelUuid": uid, "filter": only(condition)})).output["count"] == count, condition


async def test_searches_that_come_at_once_each_get_their_own(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{n}.com", "employees": n % 3} for n in range(60)))

    def by_domain(n: int) -> Body:
        return {
            "modelUuid": uid,
            "filter": only({"kind": "string", "columnSlug": "domain", "operator": "is", "values": [f"{n}.com"]}),
            "limit": 1,
        }

    many: Body = {"modelUuid": uid, "filter": only({"kind": "number", "columnSlug": "employees", "operator": "is", "value": 1}), "limit": 7}
    written: Body = {"modelUuid": uid, "filter": only({"kind": "sql", "clause": "1 / employees > 0"})}
    wrong: Body = {"modelUuid": uid, "filter": only({"kind": "string", "columnSlug": "domian", "operator": "is", "values": ["x"]})}
    outcomes = await asyncio.gather(*(nodes.act("search", config) for config in (*map(by_domain, range(60)), many, written, wrong)))
    found = [outcome.output["record"]["domain"] for outcome in outcomes[:60]]
    assert found == [f"{n}.com" for n in range(60)]
    assert (outcomes[60].output["count"], len(outcomes[60].output["records"])) == (20, 7)
    assert "divides by zero" in outcomes[61].message
    assert "did you mean 'domain'" in outcomes[62].message


async def test_what_cannot_be_done_fails_in_words(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    assert "no model nothing" in await nodes.failed("insert", {"modelUuid": "nothing", "mappings": []})
    assert "domain: is missing" in await nodes.failed("insert", {"modelUuid": uid, "mappings": {"name": "A"}})
    assert '"x" is not a number' in await nodes.failed("upsert", by(uid, "a.com", employees="x"))
    assert "did you mean employees" in await nodes.failed("upsert", by(uid, "a.com", employes=1))
    assert "matchingColumnSlug" in await nodes.failed("update", {"modelUuid": uid, "mappings": {}})
    assert "has no stored column nope" in await nodes.failed(remove_records, by(uid, "a") | {"matchingColumnSlug": "nope"})
    await nodes.done("insert", {"modelUuid": uid, "mappings": {"domain": "a.com"}})
    assert "already" in await nodes.failed("insert", {"modelUuid": uid, "mappings": {"domain": "a.com"}})
    assert await api.records(uid) != []


async def test_models_of_another_workspace_are_unknown_to_nodes(api: ApiClient, other_api: ApiClient, nodes: Nodes) -> None:
    theirs = await other_api.model()
    assert "no model" in await nodes.failed("insert", {"modelUuid": theirs, "mappings": {"domain": "a.com"}})


async def test_graphs_with_model_nodes_are_valid_and_their_models_cannot_be_removed(api: ApiClient) -> None:
    uid = await api.model()
    first, second, third = (f"{n * 8}-{n * 4}-4{n * 3}-8{n * 3}-{n * 12}" for n in "123")
    graph = [
        node(first, "start", "start", {}, [second]),
        node(second, "save", "modelUpsert", by(uid, "{{nodes.start.domain}}"), [third]),
        node(third, "end", "end", {"variables": []}, []),
    ]
    assert await api.call("orchestration.node.validate", nodes=graph) == {"outcome": "valid"}
    tool = (await api.call("orchestration.tool.create", name="T"))["tool"]
    await api.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"])
    assert await api.refused("storage.model.remove", uuid=uid) == (409, "hasWorkflows")
    actions = (await api.call("connection.nativeIntegration.get"))["nativeIntegration"]["actions"]
    assert {"modelInsert", "modelUpdate", "modelUpsert", "modelSearch", "modelRemove"} <= set(actions)


def node(uid: str, slug: str, action: str, config: Body, children: list[str]) -> Body:
    """A native node."""
    return {
        "uuid": uid, "slug": slug, "kind": "native", "actionSlug": action, "config": config, "childrenUuids": children,
        "fallbackOnFailure": False, "position": {"x": 0, "y": 0},
    }  # fmt: skip


async def test_many_writes_at_once_are_few_transactions_and_one_that_cannot_be_fails_alone(
    api: ApiClient, nodes: Nodes, state: State
) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "taken.com"})
    inserts = [{"modelUuid": uid, "mappings": {"domain": f"{n}.com"}} for n in range(20)]
    wrong = [
        {"modelUuid": uid, "mappings": {"domain": "taken.com"}},
        {"modelUuid": uid, "mappings": {"domain": "x.com", "employees": "many"}},
        {"modelUuid": uid, "mappings": {"domain": "y" * 1_999 + "é"}},
    ]
    upserts = [by(uid, f"{n}.org", name=f"N{n}") for n in range(20)]
    updates = [by(uid, "taken.com", name="T")]
    configs: dict[Kind, list[Body]] = {"insert": [*inserts[:10], *wrong, *inserts[10:]], "upsert": upserts, "update": updates}
    wanted: list[tuple[Kind, Body]] = [(kind, config) for kind, some in configs.items() for config in some]
    with collect(RecordsChanged) as published:
        outcomes = await asyncio.gather(*(nodes.act(kind, config) for kind, config in wanted))
    failed = [outcome.message for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(failed) == 2
    assert "has such a record already" in failed[0]
    assert '"many" is not a number' in failed[1]
    records = {record["_id"]: record["name"] for record in await api.records(uid)}
    assert len(records) == 42
    assert (records["7.org"], records["taken.com"]) == ("N7", "T")
    assert 0 < len(published) < 30


async def test_writes_into_the_same_record_at_once_come_one_after_the_other(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "A"})
    fills = [by(uid, "a.com") | {"mappings": [{"columnSlug": "employees", "value": n, "policy": "fillEmpty"}]} for n in (1, 2, 3)]
    found = await asyncio.gather(*(nodes.done("update", one) for one in fills), nodes.done("upsert", by(uid, "a.com", name="B")))
    assert all(outcome.output["record"]["_id"] == "a.com" for outcome in found)
    record = (await api.records(uid))[0]
    assert (record["employees"], record["name"]) == (1, "B")


async def test_an_upsert_that_is_repeated_by_its_key_does_not_insert_again(api: ApiClient, nodes: Nodes) -> None:
    uid = await api.model("notes", columns=[{"slug": "mail", "type": "string"}])
    config = {"modelUuid": uid, "matchingColumnSlug": "mail", "matchingValue": "old@x", "mappings": {"mail": "new@x"}}
    first = await nodes.done("upsert", config, key="r:n:1")
    again = await nodes.done("upsert", config, key="r:n:1")
    assert (first.output, again.output["isNew"]) == (again.output, True)
    assert [record["mail"] for record in await api.records(uid)] == ["new@x"]


async def test_two_workers_never_both_insert(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    uid = await api.model("notes", columns=[{"slug": "mail", "type": "string"}, {"slug": "n", "type": "number"}])
    workers = [Nodes(state, first_workspace.workspace_uuid), Nodes(state, first_workspace.workspace_uuid)]
    configs = [{"modelUuid": uid, "matchingColumnSlug": "mail", "matchingValue": f"{n % 10}@x", "mappings": {"n": n}} for n in range(40)]
    outcomes = await asyncio.gather(*(workers[n % 2].done("upsert", config) for n, config in enumerate(configs)))
    assert sum(outcome.output["isNew"] for outcome in outcomes) == 10
    assert len(await api.records(uid)) == 10
