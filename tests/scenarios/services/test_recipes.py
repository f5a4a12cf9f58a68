"""Recipes of the public command line, typed as they are: services that are built in, and those that a workspace has registered itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, Request, fake_api
from tests.kit.processes.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story.person import Person
from tests.simulators.apolloio import control as apolloio
from tests.simulators.apolloio import server as apolloio_server
from tests.simulators.people_data_labs.server import Running

Json = Any
ONE, MANY = "execute", "execute-batch"
OWN: list[tuple[str, str, str, Json]] = [
    ("waterfall", "verifyEmail", MANY, [{"email": "ada@acme.com"}]),
    (
        "waterfall",
        "enrichContact",
        MANY,
        [{"full_name": "Ada Lovelace", "domain": "acme.com"}, {"linkedin": "https://linkedin.com/in/ada"}],
    ),
    ("waterfall", "enrichCompany", MANY, [{"domain": "acme.com"}, {"linkedin": "https://linkedin.com/company/acme"}]),
    ("waterfall", "detectJobChange", MANY, [{"professional_email": "ada@acme.com", "company_domain": "acme.com"}]),
    ("salesNavigator", "searchAccounts", ONE, {"companyHeadcounts": ["51-200"], "industryCodes": ["software"], "limit": 10}),
    (
        "salesNavigator",
        "searchLeads",
        ONE,
        {"keywords": "Sales", "company": {"industries": [4]}, "personal": {"locations": ["DE"]}, "limit": 5},
    ),
    ("salesNavigator", "searchCompanyMetrics", ONE, {"url": "https://www.linkedin.com/sales/search/company"}),
    ("prospeo", "findEmail", MANY, [{"firstName": "Ada", "lastName": "Lovelace", "companyDomain": "acme.com"}]),
    ("prospeo", "enrichLinkedin", MANY, [{"url": "https://www.linkedin.com/in/ada"}]),
    ("companyEnrich", "enrichByDomain", MANY, [{"domain": "acme.com"}]),
    ("enrichCrm", "enrichPerson", MANY, [{"email": "ada@acme.com"}, {"fullName": "Ada Lovelace", "domainName": "acme.com"}]),
    ("enrichCrm", "enrichCompany", MANY, [{"domainName": "acme.com"}]),
    ("enrichCrm", "getFunding", MANY, [{"domain": "acme.com"}]),
    ("enrichCrm", "findEmail", MANY, [{"firstName": "Ada", "lastName": "Lovelace", "company": "acme.com"}]),
    ("aiArk", "enrichPerson", MANY, [{"linkedinUrl": "https://www.linkedin.com/in/ada"}]),
    ("aiArk", "searchPeople", ONE, {"companyInfo": {"domain_or": ["acme.com"]}, "jobRole": {"seniority_or": ["VP"]}, "limit": 5}),
    ("theirStack", "searchCompanies", ONE, {"techFields": {"technologies": ["postgresql"]}, "limit": 5}),
    ("theirStack", "searchJobs", ONE, {"companyFields": {"company_domains": ["acme.com"]}, "fields": {"job_titles": ["CTO"]}, "limit": 5}),
    # One recipe gives the one record of a batch as `--data`.
    ("theirStack", "searchJobs", MANY, {"companyFields": {"company_domains": ["acme.com"]}, "limit": 5}),
    ("linkedin", "findProfileUrl", MANY, [{"fullName": "Ada Lovelace", "companyName": "Acme"}]),
    ("linkedin", "enrichProfile", MANY, [{"linkedinUrl": "https://www.linkedin.com/in/ada"}]),
    ("linkedin", "enrichCompanyFromDomain", MANY, [{"domain": "acme.com"}]),
    ("sillage", "searchLeads", ONE, {"modelUuid": "m", "companyDomains": ["acme.com"], "limit": 5}),
    ("x", "getUserPosts", MANY, [{"handle": "acme", "limit": 20}]),
    ("parallel", "extract", MANY, [{"urls": ["https://acme.com"], "objective": "What Acme does"}]),
    ("parallel", "createTask", MANY, [{"input": "Who competes?", "processor": "lite", "outputSchema": {"type": "object"}}]),
]
"""By services that a workspace registers itself: their slugs, actions, commands and inputs are what recipes name."""
# FullEnrich, which recipes name, too, looks for a minute or more: its conformance suite has the recipe's inputs.
BUILT_IN: list[tuple[str, str, str, Json]] = [
    ("apolloio", "enrichPerson", MANY, [{"parameters": {"first_name": "Ada", "last_name": "Lovelace", "domain": "acme.example"}}]),
    ("apolloio", "enrichOrganization", MANY, [{"domain": "acme.example"}]),
    ("peopleDataLabs", "queryCompanies", ONE, {"query": "SELECT * FROM company WHERE website='acme.example'", "limit": 20}),
]


@pytest.fixture
def recipes(person: Person, server: RealServer) -> Person:
    """Someone in a workspace of their own."""
    person.environment["CARGO_API_TOKEN"] = new_workspace(server, "Recipes")
    return person


@pytest.fixture
def services() -> Iterator[FakeApi]:
    """One server that speaks the protocol for each service; an action gives back what it was asked with."""

    def execute(request: Request) -> Answer:
        return Answer(200, {"outcome": "executed", "data": {"asked": request.json["config"]}, "title": "done"})

    with fake_api() as api:
        for slug in {slug for slug, *_ in OWN}:
            actions = {
                action: {"name": action, "description": action, "config": {"jsonSchema": {"type": "object"}}}
                for of, action, *_ in OWN
                if of == slug
            }
            connector: Json = {"config": {"jsonSchema": {"type": "object", "properties": {}}}}
            api.on("GET", f"/{slug}/manifest", {"name": slug, "description": slug, "connector": connector, "actions": actions})
            api.on("POST", f"/{slug}/authenticate", {"outcome": "success"})
            for action in actions:
                api.on("POST", f"/{slug}/actions/{action}/execute", execute)
        yield api


def cook(person: Person, slug: str, action: str, command: str, given: Json) -> list[Json]:
    """What a recipe reads: the output of each record."""
    words = json.dumps({"kind": "connector", "integrationSlug": slug, "actionSlug": action, "config": {}})
    flag = "--records" if isinstance(given, list) else "--data"
    done = person("orchestration", "action", command, "--action", words, flag, json.dumps(given), "--wait-until-finished")
    what = done["run"] if command == ONE else done["batch"]
    assert what["status"] == "success" and not what.get("failedRunsCount"), (slug, action, what)
    results: list[Json] = [done["runContext"]["action"]] if command == ONE else done["results"]
    return results


def connect(person: Person, slug: str, key: str | None = None) -> None:
    config = () if key is None else ("--config", json.dumps({"apiKey": key}))
    person("connection", "connector", "create", "--integration-slug", slug, "--slug", slug.lower(), "--name", slug, *config)


@pytest.mark.slow
def test_a_business_is_matched_and_then_enriched_by_its_id(recipes: Person, enrichment_service: Running) -> None:
    enrichment_service.control.reset()
    enrichment_service.control.add_company("acme corporation", "acme.com", industry="machinery", total_funding_raised=5_000_000)
    connect(recipes, "peopleDataLabs", enrichment_service.key)
    matched = cook(recipes, "cargo", "matchBusiness", MANY, [{"domain": "acme.com"}, {"domain": "nowhere.com"}])
    ids = [{"business_id": one["business_id"]} for one in matched]
    assert ids[0]["business_id"] and ids[1] == {"business_id": None}
    known, unknown = cook(recipes, "cargo", "enrichBusinessFirmographics", MANY, ids)
    assert (known["name"], known["linkedin_industry_category"]) == ("acme corporation", "machinery") and not unknown["found"]
    read = {"website", "name", "linkedin_industry_category", "business_description", "linkedin_profile"}
    assert read <= known.keys() == unknown.keys()
    funding, _ = cook(recipes, "cargo", "enrichBusinessFundingAndAcquisitions", MANY, ids)
    assert funding["known_funding_total_value"] == 5_000_000
    assert enrichment_service.control.charged == {"enrich_company": 3}, "what was not matched costs nothing"


@pytest.mark.slow
def test_recipes_of_services_that_are_built_in(
    recipes: Person, enrichment_service: Running, apollo_service: apolloio_server.Running
) -> None:
    for simulator in (enrichment_service, apollo_service):
        simulator.control.reset()
    keys = {"peopleDataLabs": enrichment_service.key, "apolloio": apolloio.KEY}
    for slug, key in keys.items():
        connect(recipes, slug, key)
    for recipe in BUILT_IN:
        (output,) = cook(recipes, *recipe)
        assert output.get("found") or output["records"], recipe


@pytest.mark.slow
def test_recipes_of_services_that_a_workspace_has_registered(recipes: Person, services: FakeApi) -> None:
    for slug in sorted({slug for slug, *_ in OWN}):
        recipes("connection", "custom-integration", "create", "--base-url", f"{services.url}/{slug}", "--slug", slug)
        connect(recipes, slug)
    for slug, action, command, given in OWN:
        asked = cast("list[Json]", given) if isinstance(given, list) else [given]
        assert [output["asked"] for output in cook(recipes, slug, action, command, given)] == asked, (slug, action)
