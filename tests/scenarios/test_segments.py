"""Journeys with segments: every kind of condition and every operator picks the right records; segments live, page, refuse, tell changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cargo_ai.kernel import clock
from tests.kit.processes.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Json, Person

EVERYTHING: Json = {"conjonction": "and", "groups": []}
TYPES = {
    "id": "string", "name": "string", "country": "string", "size": "number", "since": "date", "live": "boolean", "info": "object",
    "tags": "array", "near": "vector", "extra": "any",
}  # fmt: skip
COMPANIES: list[Json] = [
    {"id": "a", "name": "Acme", "country": "FR", "size": 10, "since": "2019-05-01", "live": True, "near": [0.5, 1], "extra": "x",
     "info": {"city": "Paris", "floor": 3, "note": ""}, "tags": [{"key": "x", "weight": 1}, {"key": "y", "weight": 2}]},
    {"id": "b", "name": "Bolt GmbH", "country": "DE", "size": 20, "since": "{recent}", "live": False,
     "info": {"city": "Berlin", "floor": 9}, "tags": [{"key": "y", "weight": 5}]},
    {"id": "c", "name": "Acme Labs", "country": "", "size": 30, "since": "2021-12-31", "live": True},
    {"id": "d"},
]  # fmt: skip
DEALS = [("1", "a", 100, "{recent}"), ("2", "a", 50, "2020-01-01"), ("3", "b", 10, "{recent}")]


def every(*conditions: Json, joined: str = "and") -> Json:
    """One group of conditions."""
    return {"conjonction": "and", "groups": [{"conjonction": joined, "conditions": list(conditions)}]}


def on(column: str, kind: str, operator: str, **values: Any) -> Json:
    """A condition on a column."""
    return {"kind": kind, "columnSlug": column, "operator": operator, **values}


def inside(operator: str, name: str = "city", **values: Any) -> Json:
    """A condition on a property of `info`."""
    return on("info", "objectProperty", operator, propertyName=name, **values)


@dataclass
class CompanyWorkspace:
    """A workspace with four companies, a to d, and their deals."""

    server: RealServer
    client: httpx.Client
    person: Person
    companies: str
    deals: str

    def fetch(self, filter: Json, **more: Any) -> Json:
        """The reply to a fetch."""
        return self.server.call("segmentation.segment.fetch", self.client, modelUuid=self.companies, filter=filter, **more)

    def ids(self, filter: Json) -> str:
        """Which companies match, in alphabetical order."""
        return "".join(sorted(record["_id"] for record in self.fetch(filter)["records"]))


@pytest.fixture(scope="module")
def workspace(server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompanyWorkspace]:
    """A workspace of its own, so that nothing else is in it."""
    token = new_workspace(server, "Segments")
    client = server.client_of(token)
    dataset = server.call("storage.dataset.all", client)["datasets"][0]["uuid"]
    recent = clock.to_iso(clock.now() - timedelta(days=10))

    def model(slug: str, types: dict[str, str], rows: list[Json]) -> str:
        columns = [{"slug": name, "type": kind, "label": name} for name, kind in types.items()]
        config = {"columns": columns, "idColumnSlug": "id"}
        fields = {"slug": slug, "name": slug, "datasetUuid": dataset, "extractorSlug": "defineObject", "config": config}
        made = server.call("storage.model.create", client, **fields)["model"]["uuid"]
        filled = json.loads(json.dumps(rows).replace("{recent}", recent))
        server.call("storage.record.createBulk", client, modelUuid=made, records=[{"data": row} for row in filled])
        return str(made)

    companies = model("companies", TYPES, COMPANIES)
    deal_types = {"id": "string", "company": "string", "amount": "number", "closed": "date"}
    deals = model("deals", deal_types, [dict(zip(deal_types, row, strict=True)) for row in DEALS])
    link = {"fromModelUuid": companies, "toModelUuid": deals, "fromColumnSlug": "id", "toColumnSlug": "company"}
    server.call("storage.relationship.set", client, **link)
    yield CompanyWorkspace(server, client, Person(tmp_path_factory.mktemp("segments"), server.base_url, token), companies, deals)
    client.close()


CONDITIONS: list[tuple[Json, str]] = [
    (on("name", "string", "is", values="Acme"), "a"),
    (on("name", "string", "is", values=["Acme", "Bolt GmbH"]), "ab"),
    (on("name", "string", "is", value="Acme"), "a"),
    (on("name", "string", "isNot", values=["Acme"]), "bcd"),
    (on("name", "string", "contains", values="acme"), "ac"),
    (on("name", "string", "contains", values=["labs", "gmbh"]), "bc"),
    (on("name", "string", "doesNotContain", values="acme"), "bd"),
    (on("name", "string", "startsWith", values="Acme"), "ac"),
    (on("name", "string", "endsWith", values=["Labs", "GmbH"]), "bc"),
    (on("country", "string", "isNull"), "d"),
    (on("country", "string", "isNotNull"), "abc"),
    (on("country", "string", "isEmpty"), "cd"),
    (on("country", "string", "isNotEmpty"), "ab"),
    (on("size", "number", "is", value=10), "a"),
    (on("size", "number", "isNot", value=10), "bcd"),
    (on("size", "number", "greaterThan", value=10), "bc"),
    (on("size", "number", "lowerThan", value=20), "a"),
    (on("size", "number", "between", firstValue=10, lastValue=20), "ab"),
    (on("size", "number", "between", value=10, otherValue=20), "ab"),
    (on("size", "number", "isNull"), "d"),
    (on("size", "number", "isNotNull"), "abc"),
    (on("since", "date", "is", value="2019-05-01"), "a"),
    (on("since", "date", "isNot", value="2019-05-01"), "bcd"),
    (on("since", "date", "greaterThan", value="2019-05-01"), "bc"),
    (on("since", "date", "lowerThan", value="2021-12-31T00:00:00Z"), "a"),
    (on("since", "date", "lowerThan", value="3 months"), "ac"),
    (on("since", "date", "greaterThan", value="3 months"), "b"),
    (on("since", "date", "between", firstValue="2019-01-01", lastValue="2021-12-31"), "ac"),
    (on("since", "date", "between", value="2019-01-01", otherValue="2021-12-31"), "ac"),
    (on("since", "date", "isNull"), "d"),
    (on("since", "date", "isNotNull"), "abc"),
    (on("since", "string", "isEmpty"), "d"),
    (on("live", "boolean", "isTrue"), "ac"),
    (on("live", "boolean", "isFalse"), "b"),
    (on("live", "boolean", "isNull"), "d"),
    (on("live", "boolean", "isNotNull"), "abc"),
    (on("info", "object", "isNull"), "cd"),
    (on("info", "object", "isNotNull"), "ab"),
    (on("info", "object", "matchConditions", conjonction="and", propertyConditions=[inside("is", value="Paris")]), "a"),
    (on("info", "object", "matchConditions", conjonction="or",
        conditions=[inside("is", value="Paris"), inside("greaterThan", "floor", value=8)]), "ab"),
    (on("tags", "array", "isNull"), "cd"),
    (on("tags", "array", "isNotNull"), "ab"),
    (on("tags", "array", "matchConditions", conjonction="and",
        propertyConditions=[{"operator": "is", "propertyName": "key", "value": "y"},
                            {"operator": "greaterThan", "propertyName": "weight", "value": 4}]), "b"),
    (on("near", "vector", "isNull"), "bcd"),
    (on("near", "vector", "isNotNull"), "a"),
    (on("extra", "any", "isNull"), "bcd"),
    (on("extra", "any", "isNotNull"), "a"),
    (inside("is", value="Paris"), "a"),
    (inside("isNot", value="Paris"), "bcd"),
    (inside("contains", value="er"), "b"),
    (inside("doesNotContain", value="er"), "acd"),
    (inside("startsWith", value="Par"), "a"),
    (inside("endsWith", value="lin"), "b"),
    (inside("greaterThan", "floor", value=5), "b"),
    (inside("lowerThan", "floor", value=5), "a"),
    (inside("between", "floor", value=3, otherValue=9), "ab"),
    (inside("between", "floor", firstValue=4, lastValue=9), "b"),
    (inside("isNull"), "cd"),
    (inside("isNotNull"), "ab"),
    (inside("isEmpty", "note"), "abcd"),
    (inside("isNotEmpty"), "ab"),
    ({"kind": "sql", "name": "Large in Germany", "clause": "size > 15 AND country = 'DE'"}, "b"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "matching"), CONDITIONS, ids=[f"{at}-{one['kind']}" for at, (one, _) in enumerate(CONDITIONS)])
def test_a_condition_picks_its_records(workspace: CompanyWorkspace, condition: Json, matching: str) -> None:
    assert workspace.ids(every(condition)) == matching


@pytest.mark.parametrize("name", ["slug", "field", "column_slug"])
def test_the_column_of_a_condition_has_other_names(workspace: CompanyWorkspace, name: str) -> None:
    paris = inside("is", value="Paris")
    for condition in (on("size", "number", "is", value=10), on("live", "boolean", "isTrue"), paris):
        column = condition.pop("columnSlug")
        assert "a" in workspace.ids(every({name: column, **condition}))


PERIODS: list[tuple[Json, str]] = [
    ({"frequency": {"operator": "moreThan", "value": 0}, "period": {"operator": "moreThan", "value": 0, "unit": "day"}}, "ab"),
    ({"frequency": {"operator": "not"}, "period": {"operator": "moreThan", "value": 0, "unit": "day"}}, "cd"),
    ({"frequency": {"operator": "exactly", "value": 2}}, "a"),
    ({"frequency": {"operator": "lessThan", "value": 2}}, "bcd"),
    ({"frequency": {"operator": "moreThan", "value": 0}, "conjonction": "and",
      "conditions": [on("amount", "number", "lowerThan", value=20)]}, "b"),
    ({"frequency": {"operator": "moreThan", "value": 0}, "conjonction": "or",
      "conditions": [on("amount", "number", "is", value=10), on("closed", "date", "lowerThan", value="1 year")]}, "ab"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "matching"), PERIODS, ids=range(len(PERIODS)))
def test_a_condition_on_how_many_related_records_there_are(workspace: CompanyWorkspace, more: Json, matching: str) -> None:
    assert workspace.ids(every({"kind": "occurrence", "relatedModelUuid": workspace.deals, **more})) == matching


def test_a_condition_on_a_column_of_a_related_model(workspace: CompanyWorkspace) -> None:
    assert workspace.ids(every(on("amount", "number", "greaterThan", value=60, relatedModelUuid=workspace.deals))) == "a"


def test_conditions_join_inside_a_group_and_across_groups(workspace: CompanyWorkspace) -> None:
    acme, german, large = (
        on("name", "string", "contains", values="acme"),
        on("country", "string", "is", values="DE"),
        on("size", "number", "is", value=30),
    )
    assert workspace.ids(every(acme, large)) == "c"
    assert workspace.ids(every(acme, german, joined="or")) == "abc"
    groups = [{"conjonction": "and", "conditions": [acme, large]}, {"conjonction": "and", "conditions": [german]}]
    assert workspace.ids({"conjonction": "or", "groups": groups}) == "bc"
    assert workspace.ids({"conjonction": "and", "groups": groups}) == ""
    nested = [{"conjonction": "or", "groups": [every(acme, large)["groups"][0], every(german)["groups"][0]]}]
    assert workspace.ids({"conjonction": "and", "groups": nested}) == "bc"


def test_what_is_misspelt_or_of_another_type_matches_nothing_and_is_no_error(workspace: CompanyWorkspace) -> None:
    group = {"conjunction": "and", "conditions": [on("name", "string", "isNotNull")]}
    misspelt: tuple[Json, ...] = ({"conjunction": "and", "groups": []}, {"groups": []}, {"conjonction": "and", "groups": [group]})
    for wrong in misspelt:
        found = workspace.fetch(wrong)
        assert (found["records"], found["count"]) == ([], 0)
    assert workspace.ids(every(on("name", "number", "greaterThan", value=1))) == ""
    assert workspace.ids({**EVERYTHING, "conditions": [on("name", "string", "is", values="Acme")]}) == "abcd"


def test_the_life_of_a_segment(workspace: CompanyWorkspace) -> None:
    person, fetch = workspace.person, ("segmentation", "segment", "fetch", "--model-uuid", workspace.companies)
    large = json.dumps(every(on("size", "number", "greaterThan", value=10)))
    made = person("segmentation", "segment", "create", "--name", "Large", "--model-uuid", workspace.companies, "--filter", large)["segment"]
    assert person("segmentation", "segment", "get", made["uuid"])["segment"]["recordsCount"] == 2
    assert [one["uuid"] for one in person("segmentation", "segment", "list")["segments"] if not one["fromPlay"]] == [made["uuid"]]
    assert workspace.ids(every({"kind": "segment", "operator": "in", "segmentUuid": made["uuid"]})) == "bc"
    assert workspace.ids(every({"kind": "segment", "operator": "notIn", "segmentUuid": made["uuid"]})) == "ad"

    all_of_them = json.dumps(EVERYTHING)
    pages = [person(*fetch, "--filter", all_of_them, "--fetching-limit", "2", "--fetching-offset", at) for at in ("0", "2", "4")]
    assert [len(page["records"]) for page in pages] == [2, 2, 0]
    assert {record["_id"] for page in pages for record in page["records"]} == set("abcd") and pages[0]["count"] == 4
    assert {"slug", "type", "label", "modelUuid"} <= set(pages[0]["columns"][0])
    sort = json.dumps([{"columnSlug": "live", "kind": "desc"}, {"columnSlug": "size", "kind": "desc"}])
    assert [one["_id"] for one in person(*fetch, "--filter", all_of_them, "--sort", sort)["records"]] == ["c", "a", "b", "d"]
    capped = person(*fetch, "--filter", all_of_them, "--sort", sort, "--limit", "1", "--enrich", "--sync")
    assert ([one["_id"] for one in capped["records"]], capped["count"]) == (["c"], 1)
    assert len(person("segmentation", "segment", "download", "--model-uuid", workspace.companies, "--filter", all_of_them)) == 4
    for verb in ("fetch", "download"):
        wrong = person.refused("segmentation", "segment", verb, "--segment-uuid", made["uuid"], "--filter", all_of_them, code=2)
        assert "--segment-uuid" in wrong["errorMessage"] or "--model-uuid" in wrong["errorMessage"]

    change = ("segmentation", "change")
    first = person(*change, "create", "--segment-uuid", made["uuid"])["change"]
    assert (first["addedRecordsCount"], first["updatedRecordsCount"], first["removedRecordsCount"]) == (2, 0, 0)
    small = json.dumps(every(on("size", "number", "lowerThan", value=30)))
    person("segmentation", "segment", "update", "--uuid", made["uuid"], "--filter", small)
    second = person(*change, "create", "--segment-uuid", made["uuid"])["change"]
    listed = person(*change, "list", "--segment-uuid", made["uuid"])["changes"]
    assert [one["uuid"] for one in listed] == [second["uuid"], first["uuid"]]
    (came,) = person(*change, "fetch", "--uuid", second["uuid"], "--kinds", "added")["records"]
    assert (came["_kind"], came["_id"]) == ("added", "a")
    fetched = person("segmentation", "record", "fetch", "--model-uuid", workspace.companies, "--ids", "a,c")["records"]
    assert sorted(one["_id"] for one in fetched) == ["a", "c"]

    play = person("orchestration", "play", "create", "--name", "Plays", "--model-uuid", workspace.companies)["play"]
    owned = person("segmentation", "segment", "get", play["segmentUuid"])["segment"]
    assert (owned["fromPlay"], owned["name"]) == (True, "GENERATED_PLAY_SEGMENT")
    assert person.refused("segmentation", "segment", "remove", play["segmentUuid"])["reason"]
    person("orchestration", "play", "remove", play["uuid"])
    person("segmentation", "segment", "remove", made["uuid"])
    assert person.refused("segmentation", "segment", "get", made["uuid"])["reason"] == "segmentNotFound"


def test_records_that_a_play_has_never_processed(workspace: CompanyWorkspace) -> None:
    person = workspace.person
    play = person("orchestration", "play", "create", "--name", "Welcome", "--model-uuid", workspace.companies)["play"]
    workflow = next(one["workflowUuid"] for one in person("orchestration", "play", "list")["plays"] if one["uuid"] == play["uuid"])
    nodes = [
        graphs.start("sort"),
        graphs.node("sort", "branch", {"condition": graphs.template("{{nodes.start.size > 10}}")}, ("big", "end")),
        graphs.end("big"),
        graphs.end(),
    ]
    deploy = ("orchestration", "release", "deploy-draft", "--workflow-uuid", workflow, "--nodes", "-", "--form-fields", "null")
    person(*deploy, stdin=json.dumps(nodes))

    def ids(activity: str, operator: str, value: int | None, period: Json, node: str | None = None, *more: Json) -> str:
        frequency = {"operator": operator} | ({} if value is None else {"value": value})
        found: Json = {"kind": "enrollment", "workflowUuid": workflow, "activityKind": activity, "frequency": frequency, "period": period}
        return workspace.ids(every(found | ({"nodeSlug": node} if node else {}), *more))

    ever = {"operator": "moreThan", "value": 0, "unit": "day"}
    lately = {"operator": "lessThan", "value": 30, "unit": "day"}
    assert ids("workflowEntered", "not", None, ever) == "abcd"
    data = json.dumps({"kind": "recordIds", "modelUuid": workspace.companies, "ids": ["a", "b"]})
    person("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", data, "--wait-until-finished")
    assert ids("workflowEntered", "not", None, ever) == "cd"
    assert ids("workflowEntered", "moreThan", 0, lately) == "ab"
    assert ids("workflowEntered", "exactly", 1, lately) == "ab"
    assert ids("workflowEntered", "lessThan", 1, lately) == "cd"
    assert ids("workflowNodeExecuted", "moreThan", 0, lately, "big") == "b"
    assert ids("workflowLeft", "moreThan", 0, lately) == "ab"
    assert ids("workflowEntered", "not", None, ever, None, on("country", "string", "isNotNull")) == "c"
