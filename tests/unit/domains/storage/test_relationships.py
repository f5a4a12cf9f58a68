"""Relationships: set one by one or for a dataset, with columns that are found out where they are not named."""

from __future__ import annotations

from tests.unit.domains.storage.conftest import Asker, Body


async def two(asker: Asker) -> tuple[str, str]:
    """Companies, and contacts that name their company."""
    companies = await asker.model()
    contacts = await asker.model(
        "contacts", columns=[{"slug": "email", "type": "string"}, {"slug": "company_id", "type": "string"}], idColumnSlug="email"
    )
    return companies, contacts


async def test_two_models_are_related_by_the_columns_that_fit(asker: Asker) -> None:
    companies, contacts = await two(asker)
    found = (await asker.ask("storage.relationship.set", fromModelUuid=contacts, toModelUuid=companies))["relationships"]
    assert [(one["fromColumnSlug"], one["toColumnSlug"], one["relation"]) for one in found] == [("company_id", "domain", "manyToOne")]
    listed = (await asker.ask("storage.relationship.all", modelUuid=companies))["relationships"]
    assert listed == found
    assert (await asker.ask("storage.relationship.get", uuid=found[0]["uuid"]))["relationship"] == found[0]


async def test_setting_the_same_pair_again_changes_nothing(asker: Asker) -> None:
    companies, contacts = await two(asker)
    first = await asker.ask("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    assert await asker.ask("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts) == first
    assert first["relationships"][0]["relation"] == "oneToMany"


async def test_a_whole_set_replaces_what_the_dataset_had(asker: Asker) -> None:
    companies, contacts = await two(asker)
    dataset = await asker.dataset()
    await asker.ask("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    wanted: Body = {
        "fromModelUuid": contacts, "fromColumnSlug": "company_id", "fromPropertySlug": None, "toModelUuid": companies,
        "toColumnSlug": "name", "toPropertySlug": None, "fromSelectedColumnSlugs": None, "toSelectedColumnSlugs": None,
        "relation": "manyToOne",
    }  # fmt: skip
    found = (await asker.ask("storage.relationship.set", datasetUuid=dataset, relationships=[wanted]))["relationships"]
    assert [(one["fromColumnSlug"], one["toColumnSlug"]) for one in found] == [("company_id", "name")]
    kept = wanted | {"uuid": found[0]["uuid"], "toColumnSlug": "domain"}
    again = (await asker.ask("storage.relationship.set", datasetUuid=dataset, relationships=[kept]))["relationships"]
    assert [(one["uuid"], one["toColumnSlug"]) for one in again] == [(found[0]["uuid"], "domain")]


async def test_a_relationship_that_a_metric_uses_stays(asker: Asker) -> None:
    companies, contacts = await two(asker)
    made = await asker.ask("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    uid = made["relationships"][0]["uuid"]
    await asker.column(
        companies, kind="metric", slug="people", relationshipUuid=uid, aggregation={"function": "COUNT", "columnSlug": "email"}
    )
    said = await asker.sentence("storage.relationship.set", datasetUuid=await asker.dataset(), relationships=[])
    assert "companies.people" in said
    assert len((await asker.ask("storage.relationship.all"))["relationships"]) == 1


async def test_what_does_not_fit_is_refused(asker: Asker) -> None:
    companies, contacts = await two(asker)
    for fields in (
        {"fromModelUuid": companies, "toModelUuid": "nothing"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "nope", "toColumnSlug": "email"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "facts", "toColumnSlug": "email"},
        {"fromModelUuid": companies, "toModelUuid": contacts, "fromColumnSlug": "name"},
        {},
    ):
        assert await asker.refused("storage.relationship.set", **fields) == (400, "invalidRelationships")
    assert await asker.refused("storage.relationship.set", datasetUuid="x", relationships=[]) == (404, "datasetNotFound")


async def test_relationships_by_columns_of_different_types_join_as_text(asker: Asker) -> None:
    one = await asker.model("ones", columns=[{"slug": "no", "type": "number"}], idColumnSlug="no")
    other = await asker.model("others", columns=[{"slug": "one", "type": "string"}])
    made = await asker.ask("storage.relationship.set", fromModelUuid=one, toModelUuid=other, fromColumnSlug="no", toColumnSlug="one")
    await asker.add(one, {"no": 1}, {"no": 2})
    await asker.add(other, {"one": "1"}, {"one": "1"}, {"one": "x"})
    uid = made["relationships"][0]["uuid"]
    await asker.column(one, kind="metric", slug="n", relationshipUuid=uid, aggregation={"function": "COUNT", "columnSlug": "_id"})
    assert [record["n"] for record in await asker.records(one)] == [2, 0]


async def test_relationships_of_another_workspace_are_unknown(asker: Asker, stranger: Asker) -> None:
    companies, contacts = await two(asker)
    made = await asker.ask("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts)
    assert (await stranger.ask("storage.relationship.all"))["relationships"] == []
    assert await stranger.refused("storage.relationship.get", uuid=made["relationships"][0]["uuid"]) == (404, "relationshipNotFound")
    assert await stranger.refused("storage.relationship.set", fromModelUuid=companies, toModelUuid=contacts) == (
        400,
        "invalidRelationships",
    )
