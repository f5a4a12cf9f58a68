"""Unification: records of several models that become the workspace's accounts and contacts."""

from __future__ import annotations

import pytest

from cargo_ai.domains.storage.models.refreshes.refresh_job import RefreshJob
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body


@pytest.fixture
def worker(state: State) -> RefreshJob:
    """What a worker does with a run."""
    return RefreshJob(state.services)


async def source(api: ApiClient, slug: str, columns: str, *records: Body) -> str:
    """A model of texts with these records, known by `key`."""
    listed = [{"slug": one, "type": "string"} for one in ("key", *columns.split())]
    uid = await api.model(slug, columns=listed, idColumnSlug="key")
    await api.add(uid, *records)
    return uid


async def unify(api: ApiClient, worker: RefreshJob, model: str, **how: object) -> Body:
    """Set the unification of a model and put it into effect."""
    await api.call("storage.model.update", uuid=model, unification={"source": "custom", **how})
    run = (await api.call("storage.run.create", modelUuid=model))["run"]
    await worker.run(run["workspaceUuid"], run["uuid"])
    found: Body = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert found["status"] == "success", found["errorMessage"]
    return found


ACCOUNT = {
    "type": "account",
    "uniqueColumns": [{"slug": "website", "reference": "domain"}, {"slug": "linkedin", "reference": "linkedinHandle"}],
}


async def test_records_of_two_models_become_one_account(api: ApiClient, worker: RefreshJob) -> None:
    accounts = await api.model("accounts", "defineAccount", any=1)
    crm = await source(
        api, "crm", "name website linkedin",
        {"key": "1", "name": "Acme", "website": "https://www.Acme.com/about", "linkedin": "https://linkedin.com/company/acme-inc/"},
        {"key": "2", "name": "nobody"},
    )  # fmt: skip
    await unify(api, worker, crm, **ACCOUNT)
    events = await source(
        api, "events", "name industry website linkedin",
        {"key": "x", "industry": "Tools", "linkedin": "Acme-Inc"},
        {"key": "y", "name": "Globex", "website": "globex.com"},
    )  # fmt: skip
    run = await unify(api, worker, events, **ACCOUNT)
    assert run["counts"]["unified"] == 2
    found = {one["domain"]: one for one in await api.records(accounts)}
    assert set(found) == {"acme.com", "globex.com"}
    assert (found["acme.com"]["name"], found["acme.com"]["industry"]) == ("Acme", "Tools")


async def test_a_second_run_changes_nothing_and_keeps_what_people_wrote(api: ApiClient, worker: RefreshJob) -> None:
    accounts = await api.model("accounts", "defineAccount", any=1)
    await api.add(accounts, {"name": "By hand", "domain": "acme.com"})
    crm = await source(api, "crm", "name website linkedin", {"key": "1", "name": "Acme", "website": "acme.com"})
    await unify(api, worker, crm, **ACCOUNT)
    before = await api.records(accounts)
    assert [one["name"] for one in before] == ["By hand"]
    await unify(api, worker, crm, **ACCOUNT)
    assert await api.records(accounts) == before


async def test_contacts_are_tied_to_the_account_of_their_parent(api: ApiClient, worker: RefreshJob) -> None:
    accounts = await api.model("accounts", "defineAccount", any=1)
    contacts = await api.model("contacts", "defineContact", any=1)
    crm = await source(api, "crm", "name website linkedin", {"key": "1", "name": "Acme", "website": "acme.com"})
    await unify(api, worker, crm, **ACCOUNT)
    people = await source(
        api, "people", "first_name mail company site",
        {"key": "p", "first_name": "Ann", "mail": "Ann+x@acme.com", "company": "1", "site": "www.acme.com"},
        {"key": "q", "first_name": "Anna", "mail": "ann@acme.com"},
        {"key": "r", "first_name": "Left out", "mail": "left@out.com"},
    )  # fmt: skip
    unique = [{"slug": "mail", "reference": "workEmail"}]
    only = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [
        {"kind": "string", "columnSlug": "key", "operator": "isNot", "values": ["r"]}]}]}  # fmt: skip
    parent = {"kind": "model", "columnSlug": "company", "parentModelUuid": crm}
    run = await unify(api, worker, people, type="contact", uniqueColumns=unique, parent=parent, filter=only)
    account = (await api.records(accounts))[0]["_id"]
    found = await api.records(contacts)
    assert [(one["first_name"], one["email"], one["account_id"]) for one in found] == [("Ann", "ann@acme.com", account)]
    assert run["counts"]["unified"] == 2


GONE = {"kind": "string", "columnSlug": "gone", "operator": "isNull"}


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"source": "integration"}, "unification.source"),
        ({"source": "custom", "type": "accountEvent", "uniqueColumns": [{"slug": "domain", "reference": "domain"}]}, "unification.type"),
        ({"source": "custom", "type": "account", "uniqueColumns": []}, "unification.uniqueColumns"),
        ({"source": "custom", "type": "account", "uniqueColumns": [{"slug": "domain", "reference": "x"}]}, "uniqueColumns.0.reference"),
        ({"source": "custom", "type": "account", "uniqueColumns": [{"slug": "gone", "reference": "domain"}]}, "uniqueColumns.0.slug"),
        (
            {
                "source": "custom",
                "type": "contact",
                "uniqueColumns": [{"slug": "domain", "reference": "domain"}],
                "parent": {"kind": "model", "columnSlug": "name", "parentModelUuid": "0198c5f0-0000-7000-8000-000000000001"},
            },
            "unification.parent.parentModelUuid",
        ),
        (
            {
                "source": "custom",
                "type": "account",
                "uniqueColumns": [{"slug": "domain", "reference": "domain"}],
                "filter": {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [GONE]}]},
            },
            "unification.filter",
        ),
    ],
)
async def test_what_cannot_be_put_into_effect_is_refused(api: ApiClient, wanted: Body, path: str) -> None:
    uid = await api.model()
    assert path in await api.refusal_message("storage.model.update", uuid=uid, unification=wanted)


async def test_without_a_model_of_accounts_the_run_says_how_to_make_one(api: ApiClient) -> None:
    uid = await api.model()
    how = {"source": "custom", "type": "account", "uniqueColumns": [{"slug": "domain", "reference": "domain"}]}
    await api.call("storage.model.update", uuid=uid, unification=how)
    assert "defineAccount" in await api.refusal_message("storage.run.create", modelUuid=uid)
    await api.call("storage.model.update", uuid=uid, unification=None)
    assert (await api.call("storage.model.get", uuid=uid))["model"]["unification"] is None
