"""Journeys with data: a model from nothing, a file read again, duplicates merged and parted, and accounts made of several lists."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.scenarios.story.person import Json, Person


def dataset(person: Person) -> str:
    """The workspace's own dataset."""
    found = person("storage", "dataset", "list")["datasets"]
    return str(next(one["uuid"] for one in found if one["slug"] == "default"))


def model(person: Person, slug: str, extractor: str = "defineObject", **config: object) -> str:
    """The uuid of a new model."""
    words = ("storage", "model", "create", "--slug", slug, "--name", slug.title(), "--dataset-uuid", dataset(person))
    return str(person(*words, "--extractor-slug", extractor, "--config", json.dumps(config))["model"]["uuid"])


def column(person: Person, model: str, **column: object) -> None:
    """A new column."""
    person("storage", "column", "create", "--model-uuid", model, "--column", json.dumps({"label": column["slug"], **column}))


def upload(person: Person, home: Path, name: str, text: str) -> str:
    """The key of an uploaded file."""
    (home / name).write_text(text, "utf-8")
    return str(person("workspace", "file", "upload", "--file-path", str(home / name))["s3Filename"])


def records(person: Person, model: str) -> dict[str, Json]:
    """The records of a model by id."""
    return {one["_id"]: one for one in person("storage", "record", "list", "--model-uuid", model)["records"]}


def test_a_model_from_nothing(person: Person) -> None:
    own = dataset(person)
    assert person("storage", "dataset", "get", own)["dataset"]["slug"] == "default"
    columns = [{"slug": "domain", "type": "string"}, {"slug": "size", "type": "number"}]
    leads = model(person, "s38_leads", columns=columns, idColumnSlug="domain")
    deals = model(person, "s38_deals", columns=[{"slug": "id", "type": "string"}, {"slug": "lead", "type": "string"}], idColumnSlug="id")
    ends = ("--from-model-uuid", leads, "--to-model-uuid", deals, "--from-column-slug", "domain", "--to-column-slug", "lead")
    person("storage", "relationship", "set", *ends)
    (link,) = person("storage", "relationship", "list", "--model-uuid", leads)["relationships"]
    assert (link["relation"], link["fromColumnSlug"], link["toColumnSlug"]) == ("oneToMany", "domain", "lead")

    column(person, leads, kind="custom", slug="tier", type="string")
    expression = {"kind": "jsExpression", "expression": "record.size > 10 ? 'large' : 'small'", "instructTo": "none"}
    column(person, leads, kind="computed", slug="class", type="string", expression=expression, columnsUsed=["size"])
    counted = {"function": "count", "columnSlug": "id"}
    column(person, leads, kind="metric", slug="deals", type="number", relationshipUuid=link["uuid"], aggregation=counted)
    join = {"toModelUuid": leads, "fromColumnSlug": "lead", "toColumnSlug": "domain"}
    column(person, deals, kind="lookup", slug="lead_size", type="number", join=join, extractColumnSlug="size")
    kinds = {one["slug"]: one["kind"] for one in person("storage", "column", "list", "--model-uuid", leads)["columns"]}
    assert {"tier": "custom", "class": "computed", "deals": "metric"}.items() <= kinds.items()
    twice = json.dumps({"kind": "custom", "slug": "tier", "type": "string", "label": "Tier"})
    again = person.refused("storage", "column", "create", "--model-uuid", leads, "--column", twice)
    assert again["reason"] == "duplicateSlug"

    renamed = json.dumps({"kind": "custom", "slug": "tier", "type": "string", "label": "Tier of support"})
    person("storage", "column", "update", "--model-uuid", leads, "--column", renamed)
    person("storage", "column", "reorder", "--model-uuid", leads, "--column-slug", "tier", "--to-index", "2")
    listed = person("storage", "column", "list", "--model-uuid", leads)["columns"]
    assert "Tier of support" in [one["label"] for one in listed]

    ddl = person("storage", "model", "get-ddl", leads)
    assert "datasets_default.models_s38_leads" in ddl["ddl"].replace('"', "").replace("`", "") and ddl["language"]
    person("storage", "record", "create", "--model-uuid", leads, "--data", '{"domain":"acme.com","size":12}')
    person("storage", "record", "create", "--model-uuid", deals, "--data", '{"id":"1","lead":"acme.com"}')
    lead = records(person, leads)["acme.com"]
    assert (lead["class"], lead["deals"], records(person, deals)["1"]["lead_size"]) == ("large", 1, 12)
    person("storage", "column", "remove", "--model-uuid", leads, "--column-slug", "tier")
    assert person("storage", "model", "update", "--uuid", leads, "--name", "New")["model"]["name"] == "New"

    everything = '{"conjonction":"and","groups":[]}'
    segment = person("segmentation", "segment", "create", "--name", "S", "--model-uuid", deals, "--filter", everything)["segment"]
    assert person.refused("storage", "model", "remove", deals)["reason"] == "hasSegments"
    person("segmentation", "segment", "remove", segment["uuid"])
    used = person.refused("storage", "model", "remove", deals)
    assert used["reason"] == "modelIsUsed"
    person("storage", "column", "remove", "--model-uuid", leads, "--column-slug", "deals")
    assert used["fix"] == f"cargo-ai storage relationship set --dataset-uuid {own} --relationships '[]'"
    person(*shlex.split(used["fix"])[1:])
    person("storage", "model", "remove", deals)
    assert person.refused("storage", "model", "get", deals)["reason"] == "modelNotFound"


@pytest.mark.slow
def test_a_file_is_refreshed_and_its_duplicates_are_merged_and_parted(person: Person, tmp_path: Path) -> None:
    first = upload(person, tmp_path, "people.csv", "email,name,site\nann@acme.com,Ann,\nAnn+news@acme.com,,acme.com\n")
    people = model(person, "s38_people", "uploadFile", s3Filename=first)
    same = person.refused("storage", "run", "create", "--model-uuid", people)
    assert same["reason"] == "upToDate" and same["fix"].endswith("--is-force")
    second = upload(person, tmp_path, "more.csv", "email,name,site\nann@acme.com,Ann,\nAnn+news@acme.com,,acme.com\nbob@b.com,Bob,b.com\n")
    person("storage", "model", "update", "--uuid", people, "--config", json.dumps({"s3Filename": second}))
    run = person("storage", "run", "create", "--model-uuid", people, "--wait-until-finished")["run"]
    assert (run["status"], run["counts"]["added"], run["counts"]["unchanged"]) == ("success", 1, 2)
    assert person("storage", "run", "list", "--model-uuid", people)["runs"][0]["uuid"] == run["uuid"]
    assert person("storage", "model", "get", people)["model"]["lastRun"]["uuid"] == run["uuid"]
    assert person.refused("storage", "run", "cancel", run["uuid"])["reason"] == "runAlreadyFinished"

    before = records(person, people)
    found = person("storage", "model", "find-duplicates", people, "--by", "email", "--survivor", "mostComplete")
    assert (found["groupsCount"], found["groups"][0]["key"]) == (1, ["ann@acme.com"])
    assert person.refused("storage", "merge", "create", "--model-uuid", people, "--by", "email", code=2)["reason"] == "confirmationNeeded"
    merged = person("storage", "merge", "create", "--model-uuid", people, "--by", "email", "--yes")
    assert merged["merge"]["removedCount"] == 1
    after = records(person, people)
    assert len(after) == 2 and {(one["name"], one["site"]) for one in after.values()} == {("Ann", "acme.com"), ("Bob", "b.com")}
    person("storage", "merge", "undo", merged["merge"]["uuid"])
    assert records(person, people) == before


@pytest.mark.slow
def test_two_lists_become_one_set_of_accounts(person: Person) -> None:
    accounts = model(person, "s38_accounts", "defineAccount")
    unify = {"source": "custom", "type": "account", "uniqueColumns": [{"slug": "website", "reference": "domain"}]}
    acme = {"key": "1", "website": "https://www.acme.com", "name": "Acme"}
    for slug, data in (("s38_crm", acme), ("s38_web", {"key": "9", "website": "ACME.com"})):
        columns = [{"slug": one, "type": "string"} for one in ("key", "website", "name")]
        uid = model(person, slug, columns=columns, idColumnSlug="key")
        person("storage", "record", "create", "--model-uuid", uid, "--data", json.dumps(data))
        person("storage", "model", "update", "--uuid", uid, "--unification", json.dumps(unify))
        run = person("storage", "run", "create", "--model-uuid", uid, "--wait-until-finished")["run"]
        assert (run["status"], run["counts"]["unified"]) == ("success", 1)
    assert [(one["domain"], one["name"]) for one in records(person, accounts).values()] == [("acme.com", "Acme")]
    cleared = person("storage", "model", "update", "--uuid", uid, "--unification", "null")
    assert cleared["model"]["unification"] is None
