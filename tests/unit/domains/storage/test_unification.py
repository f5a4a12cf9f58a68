"""Unification: records of several models that become the workspace's accounts and contacts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from cargo_ai.context.plugins import Parts
from cargo_ai.domains.storage.models.refresh_job import RefreshJob
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.graph.action import Actions
from cargo_ai.server.api.state import State
from tests.unit.domains.storage.conftest import Asker, Body


@pytest.fixture
async def worker(state: State) -> AsyncIterator[RefreshJob]:
    """What a worker does with a run."""
    async with httpx.AsyncClient() as client:
        yield RefreshJob(Parts(state.settings, state.database, state.files, state.secrets, client, Actions(), Sources()))


async def source(asker: Asker, slug: str, columns: str, *records: Body) -> str:
    """A model of texts with these records, known by `key`."""
    listed = [{"slug": one, "type": "string"} for one in ("key", *columns.split())]
    uid = await asker.model(slug, columns=listed, idColumnSlug="key")
    await asker.add(uid, *records)
    return uid


async def unify(asker: Asker, worker: RefreshJob, model: str, **how: object) -> Body:
    """Set the unification of a model and put it into effect."""
    await asker.ask("storage.model.update", uuid=model, unification={"source": "custom", **how})
    run = (await asker.ask("storage.run.create", modelUuid=model))["run"]
    await worker.run(run["workspaceUuid"], run["uuid"])
    found: Body = (await asker.ask("storage.run.get", uuid=run["uuid"]))["run"]
    assert found["status"] == "success", found["errorMessage"]
    return found


ACCOUNT = {
    "type": "account",
    "uniqueColumns": [{"slug": "website", "reference": "domain"}, {"slug": "linkedin", "reference": "linkedinHandle"}],
}


async def test_records_of_two_models_become_one_account(asker: Asker, worker: RefreshJob) -> None:
    accounts = await asker.model("accounts", "defineAccount", any=1)
    crm = await source(
        asker, "crm", "name website linkedin",
        {"key": "1", "name": "Acme", "website": "https://www.Acme.com/about", "linkedin": "https://linkedin.com/company/acme-inc/"},
        {"key": "2", "name": "nobody"},
    )  # fmt: skip
    await unify(asker, worker, crm, **ACCOUNT)
    events = await source(
        asker, "events", "name industry website linkedin",
        {"key": "x", "industry": "Tools", "linkedin": "Acme-Inc"},
        {"key": "y", "name": "Globex", "website": "globex.com"},
    )  # fmt: skip
    run = await unify(asker, worker, events, **ACCOUNT)
    assert run["counts"]["unified"] == 2
    found = {one["domain"]: one for one in await asker.records(accounts)}
    assert set(found) == {"acme.com", "globex.com"}
    assert (found["acme.com"]["name"], found["acme.com"]["industry"]) == ("Acme", "Tools")


async def test_a_second_run_changes_nothing_and_keeps_what_people_wrote(asker: Asker, worker: RefreshJob) -> None:
    accounts = await asker.model("accounts", "defineAccount", any=1)
    await asker.add(accounts, {"name": "By hand", "domain": "acme.com"})
    crm = await source(asker, "crm", "name website linkedin", {"key": "1", "name": "Acme", "website": "acme.com"})
    await unify(asker, worker, crm, **ACCOUNT)
    before = await asker.records(accounts)
    assert [one["name"] for one in before] == ["By hand"]
    await unify(asker, worker, crm, **ACCOUNT)
    assert await asker.records(accounts) == before


async def test_contacts_are_tied_to_the_account_of_their_parent(asker: Asker, worker: RefreshJob) -> None:
    accounts = await asker.model("accounts", "defineAccount", any=1)
    contacts = await asker.model("contacts", "defineContact", any=1)
    crm = await source(asker, "crm", "name website linkedin", {"key": "1", "name": "Acme", "website": "acme.com"})
    await unify(asker, worker, crm, **ACCOUNT)
    people = await source(
        asker, "people", "first_name mail company site",
        {"key": "p", "first_name": "Ann", "mail": "Ann+x@acme.com", "company": "1", "site": "www.acme.com"},
        {"key": "q", "first_name": "Anna", "mail": "ann@acme.com"},
        {"key": "r", "first_name": "Left out", "mail": "left@out.com"},
    )  # fmt: skip
    unique = [{"slug": "mail", "reference": "workEmail"}]
    only = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [
        {"kind": "string", "columnSlug": "key", "operator": "isNot", "values": ["r"]}]}]}  # fmt: skip
    parent = {"kind": "model", "columnSlug": "company", "parentModelUuid": crm}
    run = await unify(asker, worker, people, type="contact", uniqueColumns=unique, parent=parent, filter=only)
    account = (await asker.records(accounts))[0]["_id"]
    found = await asker.records(contacts)
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
async def test_what_cannot_be_put_into_effect_is_refused(asker: Asker, wanted: Body, path: str) -> None:
    uid = await asker.model()
    assert path in await asker.sentence("storage.model.update", uuid=uid, unification=wanted)


async def test_without_a_model_of_accounts_the_run_says_how_to_make_one(asker: Asker) -> None:
    uid = await asker.model()
    how = {"source": "custom", "type": "account", "uniqueColumns": [{"slug": "domain", "reference": "domain"}]}
    await asker.ask("storage.model.update", uuid=uid, unification=how)
    assert "defineAccount" in await asker.sentence("storage.run.create", modelUuid=uid)
    await asker.ask("storage.model.update", uuid=uid, unification=None)
    assert (await asker.ask("storage.model.get", uuid=uid))["model"]["unification"] is None
