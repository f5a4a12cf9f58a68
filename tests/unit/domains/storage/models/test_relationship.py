"""Relationships: set one by one or for a dataset, with columns that are found out where they are not named."""

from __future__ import annotations

from tests.kit.api_client import ApiClient, Body


async def two(api: ApiClient) -> tuple[str, str]:
    """Companies, and contacts that name their company."""
    companies = await api.model()
    contacts = await api.model(
        "contacts", columns=[{"slug": "email", "type": "string"}, {"slug": "company_id", "type": "string"}], idColumnSlug="email"
    )
    return companies, contacts


async def test_two_models_are_related_by_the_columns_that_fit(api: ApiClient) -> None:
    companies, contacts = await two(api)
    relationships = (await api.call("storage.relationship.set", fromModelUuid=contacts, toModelUuid=companies))["relationships"]
    assert [(one["fromColumnSlug"], one["toColumnSlug"], one["relation"]) for one in relationships] == [
        ("company_id", "domain", "manyToOne")
    ]
    listed = (await api.call("storage.relationship.all", modelUuid=companies))["relationships"]
    assert listed == relationships
    assert (await api.call("storage.relationship.get", uuid=relationships[0]["uuid"]))["relationship"] == relationships[0]


async def test_setting_the_same_pair_again_changes_nothing(api: ApiClient) -> None:
    companies, contacts = await two(api)
    first = await api.call("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    assert await api.call("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts) == first
    assert first["relationships"][0]["relation"] == "oneToMany"


async def test_a_whole_set_replaces_what_the_dataset_had(api: ApiClient) -> None:
    companies, contacts = await two(api)
    dataset = await api.dataset()
    await api.call("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    wanted: Body = {
        "fromModelUuid": contacts, "fromColumnSlug": "company_id", "fromPropertySlug": None, "toModelUuid": companies,
        "toColumnSlug": "name", "toPropertySlug": None, "fromSelectedColumnSlugs": None, "toSelectedColumnSlugs": None,
        "relation": "manyToOne",
    }  # fmt: skip
    relationships = (await api.call("storage.relationship.set", datasetUuid=dataset, relationships=[wanted]))["relationships"]
    assert [(one["fromColumnSlug"], one["toColumnSlug"]) for one in relationships] == [("company_id", "name")]
    kept = wanted | {"uuid": relationships[0]["uuid"], "toColumnSlug": "domain"}
    again = (await api.call("storage.relationship.set", datasetUuid=dataset, relationships=[kept]))["relationships"]
    assert [(one["uuid"], one["toColumnSlug"]) for one in again] == [(relationships[0]["uuid"], "domain")]


async def test_a_relationship_that_a_metric_uses_stays(api: ApiClient) -> None:
    companies, contacts = await two(api)
    made = await api.call("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    uid = made["relationships"][0]["uuid"]
    await api.column(
        companies, kind="metric", slug="people", relationshipUuid=uid, aggregation={"function": "COUNT", "columnSlug": "email"}
    )
    said = await api.refusal_message("storage.relationship.set", datasetUuid=await api.dataset(), relationships=[])
    assert "companies.people" in said
    assert len((await api.call("storage.relationship.all"))["relationships"]) == 1


async def test_a_relationship_that_the_filter_of_a_segment_follows_stays(api: ApiClient) -> None:
    companies, contacts = await two(api)
    await api.call("storage.relationship.set", fromModelUuid=contacts, toModelUuid=companies)
    known = {"kind": "string", "relatedModelUuid": contacts, "columnSlug": "email", "operator": "isNotNull"}
    filter: Body = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [known]}]}
    segment = (await api.call("segmentation.segment.create", name="Known", modelUuid=companies, filter=filter))["segment"]["uuid"]
    none: Body = {"datasetUuid": await api.dataset(), "relationships": []}
    assert 'segment "Known"' in await api.refusal_message("storage.relationship.set", **none)
    await api.call("segmentation.segment.remove", uuid=segment)
    assert (await api.call("storage.relationship.set", **none))["relationships"] == []


async def test_setting_a_pair_again_without_a_relation_keeps_the_one_it_has(api: ApiClient) -> None:
    companies, contacts = await two(api)
    pair = {"fromModelUuid": companies, "toModelUuid": contacts}
    await api.call("storage.relationship.set", **pair, relation="oneToOne")
    assert [one["relation"] for one in (await api.call("storage.relationship.set", **pair))["relationships"]] == ["oneToOne"]


async def test_what_does_not_fit_is_refused(api: ApiClient) -> None:
    companies, contacts = await two(api)
    for fields in (
        {"fromModelUuid": companies, "toModelUuid": "nothing"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "nope", "toColumnSlug": "email"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "facts", "toColumnSlug": "email"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "name"},
        {},
    ):
        assert await api.refused("storage.relationship.set", **fields) == (400, "invalidRelationships")
    assert await api.refused("storage.relationship.set", datasetUuid="x", relationships=[]) == (404, "datasetNotFound")


async def test_relationships_by_columns_of_different_types_join_as_text(api: ApiClient) -> None:
    one = await api.model("ones", columns=[{"slug": "no", "type": "number"}], idColumnSlug="no")
    other = await api.model("others", columns=[{"slug": "one", "type": "string"}])
    made = await api.call("storage.relationship.set", fromModelUuid=one, toModelUuid=other, fromColumnSlug="no", toColumnSlug="one")
    await api.add(one, {"no": 1}, {"no": 2})
    await api.add(other, {"one": "1"}, {"one": "1"}, {"one": "x"})
    uid = made["relationships"][0]["uuid"]
    await api.column(one, kind="metric", slug="n", relationshipUuid=uid, aggregation={"function": "COUNT", "columnSlug": "_id"})
    assert [record["n"] for record in await api.records(one)] == [2, 0]
    assert await related(api, one, other, "one", "1") == ["1"]


async def related(api: ApiClient, model: str, other: str, column: str, value: str) -> list[str]:
    """The ids of the records that a record of the other model belongs to, whose column has this value."""
    condition = {"kind": "string", "relatedModelUuid": other, "columnSlug": column, "operator": "is", "values": value}
    often = {"operator": "moreThan", "value": 0}
    occurrence = {"kind": "occurrence", "relatedModelUuid": other, "frequency": often, "conjonction": "and"}
    plain = {name: value for name, value in condition.items() if name != "relatedModelUuid"}
    found: list[list[str]] = []
    for one in (condition, {**occurrence, "conditions": [plain]}):
        filter: Body = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [one]}]}
        records = (await api.call("segmentation.segment.fetch", modelUuid=model, filter=filter))["records"]
        found.append([record["_id"] for record in records])
    assert found[0] == found[1]
    return found[0]


async def test_filters_follow_a_relationship_by_a_property(api: ApiClient) -> None:
    companies, _ = await two(api)
    visits = await api.model("visits", columns=[{"slug": "page", "type": "string"}, {"slug": "about", "type": "object"}])
    wanted: Body = {
        "fromModelUuid": visits, "fromColumnSlug": "about", "fromPropertySlug": "domain", "toModelUuid": companies,
        "toColumnSlug": "domain", "toPropertySlug": None, "fromSelectedColumnSlugs": None, "toSelectedColumnSlugs": None,
        "relation": "manyToOne",
    }  # fmt: skip
    await api.call("storage.relationship.set", datasetUuid=await api.dataset(), relationships=[wanted])
    await api.add(companies, {"domain": "acme.com"}, {"domain": "globex.com"})
    await api.add(visits, {"page": "pricing", "about": {"domain": "acme.com"}}, {"page": "blog", "about": {"domain": "globex.com"}})
    assert await related(api, companies, visits, "page", "pricing") == ["acme.com"]


async def test_relationships_of_another_workspace_are_unknown(api: ApiClient, other_api: ApiClient) -> None:
    companies, contacts = await two(api)
    made = await api.call("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    assert (await other_api.call("storage.relationship.all"))["relationships"] == []
    assert await other_api.refused("storage.relationship.get", uuid=made["relationships"][0]["uuid"]) == (404, "relationshipNotFound")
    assert await other_api.refused("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts) == (
        400,
        "invalidRelationships",
    )
