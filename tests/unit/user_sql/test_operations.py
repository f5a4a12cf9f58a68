"""SQL by real requests: both surfaces, every spelling of a table, files, the log and the documentation."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from cargo_ai.domains.system_of_record.documentation import EXAMPLES
from tests.kit.api_client import ApiClient, Body

COLUMNS = [
    {"slug": "domain", "type": "string"},
    {"slug": "name", "type": "string"},
    {"slug": "employees", "type": "number"},
    {"slug": "founded", "type": "date"},
    {"slug": "facts", "type": "object"},
    {"slug": "tags", "type": "array"},
]
RECORDS: list[Body] = [
    {"domain": "acme.com", "name": "Acme", "employees": 120, "founded": "2010-05-17", "facts": {"city": "Paris"}, "tags": ["vip"]},
    {"domain": "beta.io", "name": "Beta, Inc.", "employees": 45.5, "founded": "2015-12-31", "facts": {}, "tags": []},
    {"domain": "gamma.fr", "name": None, "employees": None, "founded": None, "facts": None, "tags": None},
]


TABLES = [
    "datasets_default.models_companies",
    "default.companies",
    "datasets_default__models_companies",
    "project.datasets_default.models_companies",
    "`my-project.datasets_default.models_companies`",
    "`datasets_default.models_companies`",
    "`datasets_default`.`models_companies`",
    "`default`.companies",
    '"datasets_default"."models_companies"',
    '"datasets_default.models_companies"',
    "DATASETS_DEFAULT.MODELS_COMPANIES",
]
# fmt: off
EXAMPLE_ROWS: list[tuple[str, list[Body]]] = [
    ("SELECT COUNT(*) AS n FROM {t} WHERE _created_at >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)", [{"n": 3}]),
    ("SELECT COUNT(*) AS n FROM {t} WHERE _created_at >= CURRENT_DATE - INTERVAL '30' DAY", [{"n": 3}]),
    ("SELECT count() AS n, countIf(employees > 50) AS big FROM {t} WHERE _created_at > now() - INTERVAL 1 DAY", [{"n": 3, "big": 1}]),
    ("SELECT name FROM {t} WHERE name ILIKE '%ACM%'", [{"name": "Acme"}]),
    ("SELECT name FROM {t} ORDER BY employees DESC NULLS LAST LIMIT 1", [{"name": "Acme"}]),
    ("SELECT dateDiff('year', founded, DATE '2020-01-01') AS years FROM {t} WHERE domain = 'acme.com'", [{"years": 10}]),
    ("SELECT toStartOfMonth(founded) AS m FROM {t} WHERE domain = 'acme.com'", [{"m": "2010-05-01T00:00:00.000Z"}]),
    ("SELECT _id, _title, founded, facts, tags FROM {t} WHERE _id = 'acme.com'", [
        {"_id": "acme.com", "_title": "Acme", "founded": "2010-05-17T00:00:00.000Z", "facts": {"city": "Paris"}, "tags": ["vip"]}
    ]),
    ("SELECT employees FROM {t} ORDER BY employees", [{"employees": 45.5}, {"employees": 120}, {"employees": None}]),
]
# fmt: on


@pytest.fixture
async def api(api: ApiClient) -> ApiClient:
    """The first workspace's admin, with a model of three companies."""
    await add_companies(api)
    return api


async def add_companies(api: ApiClient) -> None:
    """A model of three companies."""
    model = await api.model(columns=COLUMNS, idColumnSlug="domain", titleColumnSlug="name")
    await api.add(model, *RECORDS)


async def rows_of(api: ApiClient, sql: str) -> list[Body]:
    """The rows of a query."""
    rows: list[Body] = (await api.call("storage.query.execute", query=sql))["rows"]
    return rows


async def test_every_spelling_of_a_table_means_the_model_on_both_surfaces(api: ApiClient) -> None:
    for table in TABLES:
        sql = f"SELECT COUNT(*) AS n FROM {table};"
        assert await rows_of(api, sql) == [{"n": 3}], table
        found = await api.call("systemOfRecordIntegration.client.query", query=sql)
        assert found == {"outcome": "queried", "rows": [{"n": 3}], "errorMessage": None}, table


async def test_the_documented_examples_run(api: ApiClient) -> None:
    for sql, expected in EXAMPLE_ROWS:
        assert await rows_of(api, sql.replace("{t}", "datasets_default.models_companies")) == expected, sql


async def test_columns_of_every_kind_are_there_and_go_by_both_names(api: ApiClient) -> None:
    models = (await api.call("storage.model.all"))["models"]
    column = {"kind": "custom", "slug": "tier", "type": "string", "label": "Tier"}
    await api.call("storage.column.create", modelUuid=models[0]["uuid"], column=column)
    await api.call("storage.record.update", modelUuid=models[0]["uuid"], id="acme.com", data={"tier": "gold"})
    assert await rows_of(api, "SELECT tier, custom__tier FROM default.companies WHERE custom__tier = 'gold'") == [
        {"tier": "gold", "tier_1": "gold"}
    ]


async def test_metrics_and_lookups_are_columns_like_others(api: ApiClient) -> None:
    companies = str((await api.call("storage.model.all"))["models"][0]["uuid"])
    dataset = next(one for one in (await api.call("storage.dataset.all"))["datasets"] if one["kind"] == "native")["uuid"]
    config = {"columns": [{"slug": slug, "type": kind} for slug, kind in (("id", "string"), ("company", "string"), ("amount", "number"))]}
    deals = await api.call(
        "storage.model.create",
        slug="deals",
        name="Deals",
        datasetUuid=dataset,
        extractorSlug="defineObject",
        config={**config, "idColumnSlug": "id"},
    )
    deals_uuid = str(deals["model"]["uuid"])
    link = await api.call(
        "storage.relationship.set", fromModelUuid=companies, toModelUuid=deals_uuid, fromColumnSlug="domain", toColumnSlug="company"
    )
    records = [{"data": {"id": str(amount), "company": "acme.com", "amount": amount}} for amount in (10, 30)]
    await api.call("storage.record.createBulk", modelUuid=deals_uuid, records=records)
    metric = {"kind": "metric", "slug": "total", "type": "number", "label": "", "relationshipUuid": link["relationships"][0]["uuid"]}
    await api.call(
        "storage.column.create", modelUuid=companies, column={**metric, "aggregation": {"function": "SUM", "columnSlug": "amount"}}
    )
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    lookup = {"kind": "lookup", "slug": "customer", "type": "string", "label": "", "join": join, "extractColumnSlug": "name"}
    await api.call("storage.column.create", modelUuid=deals_uuid, column=lookup)
    assert await rows_of(api, "SELECT name, metric__total FROM default.companies WHERE total > 5") == [{"name": "Acme", "total": 40}]
    assert await rows_of(api, "SELECT customer, SUM(amount) AS sum FROM default.deals GROUP BY customer") == [
        {"customer": "Acme", "sum": 40}
    ]


async def test_what_cannot_be_run_is_a_failure_here_and_an_answer_there(api: ApiClient) -> None:
    sql = "DELETE FROM default.companies"
    reply = await api.send("storage.query.execute", query=sql)
    assert reply.status_code == 400
    assert reply.json()["reason"] == "invalidQuery"
    sentence = "Only one SELECT can be run here (it may begin with WITH), not DELETE."
    assert reply.json()["errorMessage"] == sentence
    found = await api.call("systemOfRecordIntegration.client.query", query=sql)
    assert found == {"outcome": "notQueried", "rows": [], "errorMessage": sentence}
    page = await api.call("systemOfRecordIntegration.client.fetch", query=sql)
    assert page == {"outcome": "notQueried", "records": [], "rows": [], "count": 0, "errorMessage": sentence}
    assert (await api.send("storage.query.download", query=sql)).status_code == 400
    assert (await api.send("systemOfRecordIntegration.client.download", query=sql)).status_code == 400


async def test_pages_have_the_count_of_the_whole(api: ApiClient) -> None:
    sql = "SELECT domain FROM default.companies ORDER BY domain"
    page = await api.call("systemOfRecordIntegration.client.fetch", query=sql, limit=2, offset=1)
    assert page["records"] == page["rows"] == [{"domain": "beta.io"}, {"domain": "gamma.fr"}]
    assert page["count"] == 3


async def test_more_rows_than_are_shown_are_warned_of(api: ApiClient) -> None:
    reply = await api.send("storage.query.execute", query="SELECT n FROM generate_series(1, 10001) AS n")
    assert len(reply.json()["rows"]) == 10_000
    assert "Only the first 10,000 rows" in reply.headers["x-cargo-warnings"]


async def test_a_download_has_every_row_in_the_form_that_was_asked_for(api: ApiClient) -> None:
    sql = "SELECT name, employees, tags FROM default.companies ORDER BY domain"
    made = await api.call("storage.query.download", query=sql, format="csv")
    assert made["urls"] == [made["url"]]
    parts = urlsplit(str(made["url"]))
    file = await api.http.get(f"{parts.path}?{parts.query}")
    assert file.text == 'name,employees,tags\r\nAcme,120,"[""vip""]"\r\n"Beta, Inc.",45.5,[]\r\n,,\r\n'
    listed = await api.call("systemOfRecordIntegration.client.download", query="SELECT n FROM generate_series(1, 2500) AS n", format="json")
    parts = urlsplit(str(listed["url"]))
    rows = json.loads((await api.http.get(f"{parts.path}?{parts.query}")).text)
    assert [row["n"] for row in rows] == list(range(1, 2501))


async def test_a_download_that_fails_while_it_is_made_says_why(api: ApiClient) -> None:
    made = await api.call("storage.query.download", query="SELECT CAST(name AS int) AS n FROM default.companies")
    parts = urlsplit(str(made["url"]))
    reply = await api.http.get(f"{parts.path}?{parts.query}")
    assert reply.status_code == 400
    assert "or cast to" in reply.json()["errorMessage"]


async def test_another_workspace_has_other_tables_or_none(api: ApiClient, other_api: ApiClient) -> None:
    sql = "SELECT name FROM default.companies"
    assert "There is no table default.companies" in (await other_api.send("storage.query.execute", query=sql)).json()["errorMessage"]
    await add_companies(other_api)
    assert len(await rows_of(other_api, sql)) == 3
    assert await rows_of(other_api, "SELECT COUNT(*) AS n FROM default.companies") == [{"n": 3}]


async def test_queries_are_logged_whatever_became_of_them(api: ApiClient, other_api: ApiClient) -> None:
    await rows_of(api, "SELECT name FROM default.companies")
    await api.send("storage.query.execute", query="SELECT nothing FROM default.companies")
    logs = (await api.call("systemOfRecordIntegration.log.list"))["logs"]
    assert [(one["status"], one["query"]) for one in logs] == [
        ("error", "SELECT nothing FROM default.companies"),
        ("success", "SELECT name FROM default.companies"),
    ]
    assert logs[0]["errorMessage"] == "There is no column nothing."
    assert logs[1]["processedBytesCount"] > 0
    assert len((await api.call("systemOfRecordIntegration.log.list", statuses=["error"]))["logs"]) == 1
    assert len((await api.call("systemOfRecordIntegration.log.list", query="NOTHING"))["logs"]) == 1
    assert (await other_api.call("systemOfRecordIntegration.log.list"))["logs"] == []
    span = {"from": "2020-01-01", "to": "2100-01-01"}
    metrics = (await api.call("systemOfRecordIntegration.log.getMetrics", **span))["metrics"]
    assert [one["queriesCount"] for one in metrics] == [2]
    assert metrics[0]["processedSecondsCount"] > 0


async def test_the_documentation_names_the_tables_and_its_examples_run(api: ApiClient) -> None:
    reply = await api.send("systemOfRecordIntegration.client.getDocumentation", slug="postgres")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "### default.companies" in reply.text
    assert "- employees double precision" in reply.text
    for example in EXAMPLES:
        await rows_of(api, example.format(dataset="default", model="companies"))
    assert (await api.send("systemOfRecordIntegration.client.getDocumentation", slug="bigQuery")).status_code == 404


async def test_every_workspace_has_one_system_of_record(api: ApiClient, other_api: ApiClient) -> None:
    (mine,) = (await api.call("systemOfRecordIntegration.systemOfRecord.all"))["systemOfRecords"]
    assert (mine["kind"], mine["isActive"], mine["lastMigration"]) == ("postgres", True, None)
    assert (await api.call("systemOfRecordIntegration.systemOfRecord.get", uuid=mine["uuid"]))["systemOfRecord"] == mine
    assert (await other_api.send("systemOfRecordIntegration.systemOfRecord.get", uuid=mine["uuid"])).status_code == 404
    assert [one["slug"] for one in (await api.call("systemOfRecordIntegration.client.list"))["clients"]] == ["postgres"]


async def test_how_long_queries_may_take_is_set_on_the_system_of_record(api: ApiClient, other_api: ApiClient) -> None:
    (mine,) = (await api.call("systemOfRecordIntegration.systemOfRecord.all"))["systemOfRecords"]
    assert mine["config"] == {"statementTimeoutSeconds": 30}
    name = "systemOfRecordIntegration.systemOfRecord.update"
    set_ = (await api.call(name, uuid=mine["uuid"], config={"statementTimeoutSeconds": 1}))["systemOfRecord"]
    assert (set_["uuid"], set_["config"]) == (mine["uuid"], {"statementTimeoutSeconds": 1})
    big = "(SELECT 1 AS a, n FROM UNNEST(GENERATE_ARRAY(1, 9000)) AS n)"
    slow = f"{big} AS x JOIN {big} AS y ON x.a = y.a JOIN {big} AS z ON y.a = z.a"
    reply = await api.call("systemOfRecordIntegration.client.query", query=f"SELECT COUNT(*) AS n FROM {slow}")
    assert "longer than 1 seconds" in reply["errorMessage"]
    assert (await api.send(name, uuid=mine["uuid"], config={"statementTimeoutSeconds": 0})).status_code == 400
    for one in ("update", "remove"):
        more: Body = {"config": {}} if one == "update" else {}
        gone = await other_api.send(f"systemOfRecordIntegration.systemOfRecord.{one}", uuid=mine["uuid"], **more)
        assert (gone.status_code, gone.json()["reason"]) == (404, "systemOfRecordNotFound")
    kept = await api.send("systemOfRecordIntegration.systemOfRecord.remove", uuid=mine["uuid"])
    assert (kept.status_code, kept.json()["reason"]) == (409, "systemOfRecordIsUsed")
