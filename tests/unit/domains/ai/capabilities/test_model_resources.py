"""Models as resources: an agent sees the selected columns of the records that the filter matches, and writes only where it may."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
LARGE = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 100}
FILTER = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [LARGE]}]}
RECORDS = [
    {"domain": "acme.com", "name": "Acme", "employees": 120, "facts": {"secret": "42%"}},
    {"domain": "big.com", "name": "Big", "employees": 900},
    {"domain": "small.com", "name": "Small", "employees": 7},
]


@pytest.fixture(scope="module")
def slugs() -> list[str]:
    """Names of models that are taken."""
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unchanged(backend: Backend, slugs: list[str]) -> tuple[str, str]:
    """The uuid and the slug of a model for all tests after which it is as it was."""
    return await _companies(backend.admin, slugs), slugs[-1]


async def _companies(api: ApiClient, slugs: list[str]) -> str:
    slugs.append(f"companies_{len(slugs)}")
    uuid = await api.model(slugs[-1])
    await api.add(uuid, *RECORDS)
    return uuid


async def _called(api: ApiClient, model: Running, resource: Body, name: str, **arguments: object) -> Body:
    """The part of a call by an agent with this resource."""
    agent = await new_agent(api, resources=[{"slug": "my-companies", "kind": "model", **resource}], **MODEL)
    model.control.rules[:] = [lambda heard: Reply("done") if heard.results else Reply(calls=[(name, arguments)])]
    answer = await answer_to(api, "Go", agentUuid=agent)
    assert answer["status"] == "success", answer["errorMessage"]
    return next(part for part in answer["parts"] if part["type"] == f"tool-{name}")


async def test_a_query_sees_the_records_and_columns_of_the_resource(api: ApiClient, model: Running, slugs: list[str]) -> None:
    resource = {"modelUuid": await _companies(api, slugs), "filter": FILTER, "selectedColumnSlugs": ["domain", "employees"]}
    sql = "select domain, employees from my_companies order by employees"
    part = await _called(api, model, resource, "query_records", sql=sql)
    assert part["output"] == {"rows": [{"domain": "acme.com", "employees": 120}, {"domain": "big.com", "employees": 900}]}
    system = model.control.said[0].system
    assert '- my_companies ("_id" string, "_created_at" date, "_updated_at" date, "domain" string, "employees" number)' in system


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("select facts from my_companies", "facts"),
        ("select _title from my_companies", "_title"),
        ("select * from default.{slug}", "There is no table"),
        ("select * from public.messages", "There is no table"),
        ("delete from my_companies", "Only one SELECT"),
        ("select 1/(employees - 7) from my_companies where 1/(employees - 7) > 5", None),
        ("select domain from my_companies m where exists (select 1 from my_companies s where s.employees < 100)", None),
    ],
)
async def test_a_query_finds_nothing_beyond_it(
    api: ApiClient, model: Running, unchanged: tuple[str, str], sql: str, complaint: str | None
) -> None:
    uuid, slug = unchanged
    resource = {"modelUuid": uuid, "filter": FILTER, "selectedColumnSlugs": ["domain", "employees"]}
    part = await _called(api, model, resource, "query_records", sql=sql.format(slug=slug))
    if complaint is None:
        assert part["output"] == {"rows": []}
    else:
        assert part["state"] == "output-error" and complaint in part["errorText"]


async def test_models_are_joined_and_their_rows_limited(api: ApiClient, model: Running, slugs: list[str]) -> None:
    first, second = await _companies(api, slugs), await _companies(api, slugs)
    resources = [
        {"slug": "a", "kind": "model", "modelUuid": first, "limit": 2, "filter": FILTER},
        {"slug": "b", "kind": "model", "modelUuid": second, "prompt": "The other list."},
    ]
    agent = await new_agent(api, resources=resources, **MODEL)
    calls = [("query_records", {"sql": sql}) for sql in ("select b.name from a join b on a.domain = b.domain", "select name from b")]
    model.control.rules.append(lambda heard: Reply("done") if heard.results else Reply(calls=calls))
    answer = await answer_to(api, "Go", agentUuid=agent)
    parts = [part["output"] for part in answer["parts"] if part["type"] == "tool-query_records"]
    assert [len(part["rows"]) for part in parts] == [2, 3] and "The other list." in model.control.said[0].system


async def test_a_read_only_model_has_no_tool_that_writes(api: ApiClient, model: Running, slugs: list[str]) -> None:
    part = await _called(api, model, {"modelUuid": await _companies(api, slugs)}, "save_my_companies", records=[{"domain": "x.com"}])
    assert part["errorText"].startswith("There is no tool save_my_companies; there are query_records.")


async def test_saved_records_are_a_change_set_that_can_be_undone(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid = await _companies(api, slugs)
    records = [{"domain": "acme.com", "employees": 130}, {"domain": "new.com", "employees": 500}]
    part = await _called(api, model, {"modelUuid": uuid, "isReadOnly": False}, "save_my_companies", records=records)
    assert {**part["output"], "changeSetUuid": ""} == {"added": 1, "updated": 1, "ids": ["acme.com", "new.com"], "changeSetUuid": ""}
    employees = {record["domain"]: (record["name"], record["employees"]) for record in await api.records(uuid)}
    assert employees["acme.com"] == ("Acme", 130) and employees["new.com"] == (None, 500)
    await api.call("storage.changeSet.undo", uuid=part["output"]["changeSetUuid"])
    assert {record["domain"]: record["employees"] for record in await api.records(uuid)} == {
        "acme.com": 120,
        "big.com": 900,
        "small.com": 7,
    }


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"domain": "small.com", "employees": 500}, "The record small.com is not one of those that may be changed."),
        ({"domain": "tiny.com", "employees": 1}, "The record tiny.com would then not be one of those that may be seen"),
        ({"domain": "acme.com", "employees": 1}, "The record acme.com would then not be one of those that may be seen"),
        ({"domain": "acme.com", "name": "Other"}, "records.0: "),
        ({"employees": 500}, "is missing: it is the id of the record"),
        ({"domain": "acme.com", "employees": "many"}, "employees"),
    ],
)
async def test_nothing_is_saved_beyond_the_resource(
    api: ApiClient, model: Running, unchanged: tuple[str, str], record: Body, complaint: str
) -> None:
    uuid, _ = unchanged
    resource = {"modelUuid": uuid, "filter": FILTER, "selectedColumnSlugs": ["domain", "employees"], "isReadOnly": False}
    part = await _called(api, model, resource, "save_my_companies", records=[record])
    assert part["state"] == "output-error" and complaint in part["errorText"]
    assert sorted(record["employees"] for record in await api.records(uuid)) == [7, 120, 900]


async def test_only_records_of_the_resource_are_removed(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid = await _companies(api, slugs)
    resource = {"modelUuid": uuid, "filter": FILTER, "isReadOnly": False}
    part = await _called(api, model, resource, "remove_my_companies", ids=["acme.com", "small.com", "none.com"])
    assert (part["output"]["removed"], part["output"]["ids"]) == (1, ["acme.com"])
    assert sorted(record["domain"] for record in await api.records(uuid)) == ["big.com", "small.com"]


async def test_a_resource_that_cannot_be_used_does_not_deploy(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid = await _companies(api, slugs)
    agent = await new_agent(api, **MODEL)
    runs: Body = {"kind": "enrollment", "workflowUuid": uuid, "activityKind": "workflowEntered", "frequency": {"operator": "not"}}
    runs["period"] = {"operator": "moreThan", "value": 0}
    for fields, complaint in (
        ({"selectedColumnSlugs": ["nmae"]}, "did you mean 'name'?"),
        ({"filter": {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [runs]}]}}, "Conditions on runs"),
        ({"modelUuid": agent}, "there is no model"),
    ):
        resource = {"slug": "a", "kind": "model", "modelUuid": uuid, **fields}
        assert complaint in await api.refusal_message("ai.release.deployDraft", agentUuid=agent, resources=[resource])
