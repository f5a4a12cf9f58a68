"""Templates: listed, shown, and each run from its start to its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.domains.orchestration.templates import catalog
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.peers.echo_service import EchoService, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(backend: Backend) -> AsyncIterator[EchoService]:
    """A service that knows acme.com, and takes leads."""
    async with echo_service() as running:
        known = {"name": "Acme", "industry": "Tools", "employees": 120, "country": "DE"}
        running.on("/companies/acme.com", Say(200, json.dumps(known).encode(), {"content-type": "application/json"}))
        running.on("/companies/nobody.com", Say(404))
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def connector(backend: Backend, service: EchoService) -> str:
    """The default connector, with the service's address."""
    made = await backend.admin.call(
        "connection.connector.create", integrationSlug="http", slug="svc", name="S", config={"baseUrl": service.url}
    )
    await backend.admin.call("connection.connector.update", uuid=made["connector"]["uuid"], isDefault=True)
    return str(made["connector"]["uuid"])


async def nodes_of(backend: Backend, slug: str, **places: str) -> list[Body]:
    """The template's nodes with its places filled in; valid."""
    template = (await backend.admin.call("orchestration.template.get", slug=slug))["template"]
    text = json.dumps(template["nodes"])
    for name, value in places.items():
        text = text.replace(f"__REPLACE_WITH_{name.upper()}_UUID__", value)
    nodes: list[Body] = json.loads(text)
    assert catalog.placeholders(nodes) == []
    assert (await backend.admin.call("orchestration.node.validate", nodes=nodes))["outcome"] == "valid"
    return nodes


async def run(backend: Backend, nodes: list[Body], data: Body) -> Body:
    found = await backend.run(data, nodes=nodes)
    assert found["run"]["status"] == "success", found["run"]["errorMessage"]
    return dict(found["runContext"])


async def test_templates_are_listed_by_kind_and_an_unknown_one_is_refused(backend: Backend) -> None:
    listed = (await backend.admin.call("orchestration.template.list"))["templates"]
    assert all(None not in one.values() for template in listed for one in template.get("formFields", []))
    kinds = {one["slug"]: one["kind"] for one in listed}
    assert kinds == {
        "company-enrichment": "tool",
        "crm-sync-in": "play",
        "crm-sync-out": "play",
        "email-waterfall": "tool",
        "lead-routing": "play",
        "lead-scoring": "play",
        "list-clean-up": "tool",
        "list-enrichment": "play",
        "slack-alert": "play",
    }
    tools = (await backend.admin.call("orchestration.template.list", kinds=["tool"]))["templates"]
    assert [one["slug"] for one in tools] == ["company-enrichment", "email-waterfall", "list-clean-up"]
    assert all(one["formFields"] and one["creditsCost"] == {"min": 0, "max": 0} for one in tools)
    assert (await backend.admin.call("orchestration.template.list", isPreset=False))["templates"] == []
    status, body = await backend.admin.refusal("orchestration.template.get", slug="nothing")
    assert (status, body["reason"]) == (404, "templateNotFound")


async def test_what_has_to_be_filled_in_keeps_a_template_from_being_valid(backend: Backend) -> None:
    template = (await backend.admin.call("orchestration.template.get", slug="company-enrichment"))["template"]
    assert template["placeholders"] == ["__REPLACE_WITH_CONNECTOR_UUID__"]
    found = await backend.admin.call("orchestration.node.validate", nodes=template["nodes"])
    assert [one["reason"] for one in found["invalidNodes"]] == ["connectorNotFound"]


async def test_company_enrichment_finds_companies_and_says_when_it_does_not(backend: Backend, connector: str) -> None:
    nodes = await nodes_of(backend, "company-enrichment", connector=connector)
    for data in ({"domain": "https://www.Acme.com/about"}, {"email": "jo@acme.com"}):
        found = await run(backend, nodes, data)
        assert found["end"] == {
            "domain": "acme.com",
            "found": True,
            "name": "Acme",
            "industry": "Tools",
            "employees": 120,
            "country": "DE",
        }
    unknown = await run(backend, nodes, {"domain": "nobody.com"})
    assert unknown["not_found"]["found"] is False and "404" in unknown["not_found"]["reason"]
    assert (await run(backend, nodes, {}))["not_found"]["reason"] == "This is not a domain."


async def test_lead_scoring_writes_score_and_tier_back(backend: Backend) -> None:
    ask = backend.admin.call
    datasets = (await ask("storage.dataset.all"))["datasets"]
    dataset = next(one["uuid"] for one in datasets if one["kind"] == "native")
    types = {"email": "string", "title": "string", "employee_count": "number", "country": "string", "score": "number", "tier": "string"}
    columns = [{"slug": slug, "type": kind, "label": slug} for slug, kind in types.items()]
    config = {"columns": columns, "titleColumnSlug": "email"}
    made = await ask("storage.model.create", slug="leads", name="Leads", datasetUuid=dataset, extractorSlug="defineObject", config=config)
    model = made["model"]["uuid"]
    nodes = await nodes_of(backend, "lead-scoring", model=model)
    leads: list[tuple[Body, Any]] = [
        ({"email": "ann@acme.com", "title": "VP Sales", "employee_count": 2000, "country": "DE"}, {"score": 100, "tier": "A"}),
        ({"email": "bob@gmail.com", "title": "Sales manager", "employee_count": 50, "country": "US"}, {"score": 45, "tier": "B"}),
        ({"email": None}, {"score": 0, "tier": "C"}),
    ]
    await ask("storage.record.createBulk", modelUuid=model, records=[{"data": lead} for lead, _ in leads])
    records = (await ask("storage.record.list", modelUuid=model))["records"]
    assert len(records) == 3
    for record in records:
        wanted = next(reported for lead, reported in leads if lead["email"] == record["email"])
        assert (await run(backend, nodes, record))["end"] == wanted
    scored = {
        record["email"]: (record["score"], record["tier"]) for record in (await ask("storage.record.list", modelUuid=model))["records"]
    }
    assert scored == {"ann@acme.com": (100, "A"), "bob@gmail.com": (45, "B"), None: (0, "C")}


async def test_list_clean_up_runs_as_a_tool_action_without_being_filled_in(backend: Backend, connector: str) -> None:
    rows = [
        {"name": "  anna   o'neil-smith ", "email": "mailto:Anna@ACME.com", "website": ""},
        {"name": "bob", "email": "bob@gmail.com", "website": "https://www.bob.dev/x"},
        {"name": "", "email": "not an address", "website": "x.com"},
    ]
    action = {"kind": "tool", "templateSlug": "list-clean-up"}
    results: list[Body] = []
    for row in rows:
        made = await backend.admin.call("orchestration.action.execute", action=action, data=row)
        found = await backend.ended("runs", made["run"]["uuid"])
        assert found["run"]["status"] == "success", found["run"]["errorMessage"]
        results.append(found["runContext"].get("end") or found["runContext"]["rejected"])
    assert results[0] == {"keep": True, "name": "Anna O'Neil-Smith", "email": "anna@acme.com", "domain": "acme.com", "personal": False}
    assert (results[1]["personal"], results[1]["domain"]) == (True, "gmail.com")
    assert (results[2]["keep"], results[2]["reason"]) == (False, "The address cannot be one.")
    enrich = {"kind": "tool", "templateSlug": "company-enrichment"}
    made = await backend.admin.call("orchestration.action.execute", action=enrich, data={"domain": "acme.com"})
    assert (await backend.ended("runs", made["run"]["uuid"]))["runContext"]["end"]["found"] is True
    scoring = {"kind": "tool", "templateSlug": "lead-scoring"}
    assert (await backend.admin.refusal("orchestration.action.execute", action=scoring, data={}))[1]["reason"] == "nodesNotFound"
