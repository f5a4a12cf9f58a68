"""Capabilities: Python in the sandbox, a search of the documentation, a search of the web by a connector."""

from __future__ import annotations

from importlib.resources import files

import pytest

from cargo_ai.domains.ai.capabilities import documentation_search
from tests.kit.api_client import ApiClient, Body
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


async def _called(api: ApiClient, model: Running, capability: Body, name: str, **arguments: object) -> Body:
    agent = await new_agent(api, capabilities=[capability], **MODEL)
    model.control.rules[:] = [lambda heard: Reply("done") if heard.results else Reply(calls=[(name, arguments)])]
    answer = await answer_to(api, "Go", agentUuid=agent)
    return next(part for part in answer["parts"] if part["type"] == f"tool-{name}")


@pytest.mark.asyncio(loop_scope="module")
async def test_python_is_run_without_files_and_network(api: ApiClient, model: Running) -> None:
    interpreter = {"slug": "codeInterpreter"}
    part = await _called(api, model, interpreter, "run_python", code="import statistics\nprint('hi')\nresult = statistics.mean([1, 2, 6])")
    assert part["output"]["result"] == 3 and part["output"]["printed"].strip() == "hi"
    part = await _called(api, model, interpreter, "run_python", code="result = open('/etc/passwd').read()")
    assert part["state"] == "output-error" and "root" not in part["errorText"]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_documentation_is_searched(api: ApiClient, model: Running) -> None:
    part = await _called(api, model, {"slug": "documentationSearch"}, "search_documentation", query="undo a change set of records")
    assert "storage.changeSet.undo" in [section["title"] for section in part["output"]["sections"]]


def test_a_section_of_the_documentation_says_where_it_stands() -> None:
    found = documentation_search.search("HubSpot private app access token")
    section = next(section for section in found if section.page == "hubspot/documentation.md")
    page = files("cargo_ai.integrations").joinpath(section.page).read_text("utf-8").splitlines()
    assert str(section.position["heading"]) in page[int(section.position["line"]) - 1]


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_cites_the_documentation_that_it_has_read(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "documentationSearch"}], **MODEL)
    calls = [("search_documentation", {"query": "undo a change set"})]
    model.control.rules.append(lambda heard: None if heard.results else Reply(calls=calls))
    answer = await answer_to(api, "Go", agentUuid=agent)
    sources = [part for part in answer["parts"] if part["type"] == "source-document"]
    cited = {source["filename"]: source["providerMetadata"]["cargo"]["position"] for source in sources}
    assert cited["storage.changeSet.undo"] == {"operation": "storage.changeSet.undo"}


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("cancel a run", "orchestration.run.cancel"),
        ("HubSpot private app access token", "hubspot: "),
        ("create a segment", "segmentation.segment.create"),
    ],
)
def test_the_best_sections_are_about_the_question(query: str, title: str) -> None:
    assert any(section.title.startswith(title) for section in documentation_search.search(query)[:5])


@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_connector_the_agent_knows_why_it_cannot_search_the_web(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "webSearch"}], **MODEL)
    await answer_to(api, "Go", agentUuid=agent)
    assert "This workspace has no connector that searches the web. Connect a service" in model.control.said[0].system
    assert model.control.said[0].tools == {}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_web_is_searched_by_the_action_that_the_release_names(api: ApiClient, model: Running) -> None:
    await api.connector("web", integrationSlug="http", name="Web", config={})
    config = {"integrationSlug": "http", "actionSlug": "request", "config": {"method": "GET"}}
    agent = await new_agent(api, capabilities=[{"slug": "webSearch", "config": config}], **MODEL)
    await answer_to(api, "Go", agentUuid=agent)
    schema = model.control.said[0].tools["web_search"]
    assert "url" in schema["properties"] and "method" not in schema["properties"]
