"""Models: made, shown, changed, removed; no one sees those of another workspace."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from cargo_ai.server.api.state import State
from tests.kit.api_client import COMPANIES, ApiClient


async def test_a_workspace_is_born_with_a_native_dataset(api: ApiClient) -> None:
    datasets = (await api.call("storage.dataset.all"))["datasets"]
    assert [(one["slug"], one["kind"], one["config"]) for one in datasets] == [("default", "native", {"kind": "object"})]
    assert (await api.call("storage.dataset.get", uuid=datasets[0]["uuid"]))["dataset"] == datasets[0]


async def test_a_model_shows_its_columns_and_roles(api: ApiClient) -> None:
    uid = await api.model()
    model = (await api.call("storage.model.get", uuid=uid))["model"]
    assert [column["slug"] for column in model["columns"]] == [column["slug"] for column in COMPANIES]
    assert {column["kind"] for column in model["columns"]} == {"original"}
    assert (model["idColumnSlug"], model["titleColumnSlug"], model["timeColumnSlug"]) == ("domain", "name", None)
    assert (model["kind"], model["additionalColumns"], model["isPaused"], model["lastRun"]) == ("native", [], False, None)
    assert [one["uuid"] for one in (await api.call("storage.model.all"))["models"]] == [uid]


async def test_a_model_without_columns_can_be_made(api: ApiClient) -> None:
    made = await api.call(
        "storage.model.create", slug="bare", name="Bare", datasetUuid=await api.dataset(), extractorSlug="defineObject", config={}
    )
    assert made["model"]["columns"] == []
    assert made["model"]["idColumnSlug"] == "_id"


async def test_accounts_and_contacts_come_with_columns(api: ApiClient) -> None:
    account = (await api.call("storage.model.get", uuid=await api.model("accounts", "defineAccount", a=1)))["model"]
    assert {"id", "name", "industry", "website", "linkedin_url", "number_of_employees", "annual_revenue", "owner_id"} <= {
        column["slug"] for column in account["columns"]
    }
    contact = (await api.call("storage.model.get", uuid=await api.model("contacts", "defineContact", a=1)))["model"]
    assert contact["idColumnSlug"] == "id"


async def test_a_slug_is_taken_once_per_dataset(api: ApiClient) -> None:
    await api.model()
    fields: dict[str, Any] = {"name": "Again", "datasetUuid": await api.dataset(), "extractorSlug": "defineObject", "config": {}}
    assert await api.refused("storage.model.create", slug="companies", **fields) == (409, "duplicateSlug")
    exists = await api.call("storage.model.existsBySlug", slug="companies", datasetUuid=fields["datasetUuid"])
    assert exists == {"exists": True}


async def test_what_a_model_cannot_be_made_of_is_refused_in_words(api: ApiClient) -> None:
    fields: dict[str, Any] = {"slug": "m", "name": "M", "datasetUuid": await api.dataset(), "extractorSlug": "defineObject"}
    said = await api.refusal_message("storage.model.create", **fields, config={"columns": [{"slug": "_x", "type": "string"}]})
    assert said.startswith("config.columns.0.slug: has letters")
    said = await api.refusal_message("storage.model.create", **fields, config={"columns": COMPANIES, "idColumnSlug": "tags"})
    assert "names tags, which is array" in said
    said = await api.refusal_message("storage.model.create", **fields, config={"columns": COMPANIES, "titleColumnSlug": ["name"]})
    assert said == "config.titleColumnSlug: is not the slug of a column"
    fields["extractorSlug"] = "fetchDeals"
    assert await api.refused("storage.model.create", **fields, config={}) == (400, "integrationNotCompatible")
    fields["datasetUuid"] = "nothing"
    assert await api.refused("storage.model.create", **fields, config={}) == (404, "datasetNotFound")


async def test_the_ddl_has_the_name_and_columns_that_sql_uses(api: ApiClient) -> None:
    uid = await api.model()
    await api.column(uid, kind="custom", slug="tier")
    found = await api.call("storage.model.getDdl", uuid=uid)
    assert found["language"] == "postgresql"
    assert "`datasets_default.models_companies`" in found["ddl"]
    assert "`employees` double precision" in found["ddl"]
    assert "`tier` text" in found["ddl"]


async def test_a_model_is_renamed_paused_and_given_another_title(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "acme.com", "name": "Acme", "founded": "1999-05-01"})
    found = await api.call(
        "storage.model.update", uuid=uid, name="New", isPaused=True, titleColumnSlug="domain", timeColumnSlug="founded", description="d"
    )
    model = found["model"]
    assert (model["name"], model["isPaused"], model["titleColumnSlug"], model["timeColumnSlug"]) == ("New", True, "domain", "founded")
    record = (await api.records(uid))[0]
    assert (record["_title"], record["_time"]) == ("acme.com", "1999-05-01T00:00:00.000Z")


async def test_the_id_column_of_a_model_stays(api: ApiClient) -> None:
    uid = await api.model()
    assert "cannot change" in await api.refusal_message("storage.model.update", uuid=uid, idColumnSlug="name")
    assert await api.refused("storage.model.update", uuid=uid, timeColumnSlug="name") == (400, "invalidInput")
    assert await api.refused("storage.model.update", uuid=uid, titleColumnSlug="nope") == (404, "columnNotFound")


async def test_unification_names_columns_that_are_there(api: ApiClient) -> None:
    uid = await api.model()
    wanted = {"source": "custom", "type": "account", "uniqueColumns": [{"slug": "domain", "reference": "domain"}]}
    model = (await api.call("storage.model.update", uuid=uid, unification=wanted))["model"]
    assert model["unification"] == wanted
    wanted["uniqueColumns"] = [{"slug": "nope", "reference": "domain"}]
    assert await api.refused("storage.model.update", uuid=uid, unification=wanted) == (400, "invalidInput")
    assert (await api.call("storage.model.update", uuid=uid, unification=None))["model"]["unification"] is None


async def test_a_model_that_was_removed_for_ever_is_gone_with_its_table(api: ApiClient, state: State) -> None:
    uid = await api.model()
    assert (await api.call("storage.model.remove", uuid=uid))["uuid"] == uid
    await api.call("workspaceManagement.bin.remove", uuid=uid)
    assert await api.refused("storage.model.get", uuid=uid) == (404, "modelNotFound")
    async with state.database.engine.connect() as connection:
        left = await connection.execute(text("select count(*) from pg_class where relname like '%companies%'"))
        assert left.scalar_one() == 0
    await api.model()


async def test_a_model_of_another_workspace_is_unknown(api: ApiClient, other_api: ApiClient) -> None:
    uid = await api.model()
    for name in ("storage.model.get", "storage.model.remove", "storage.model.getDdl", "storage.model.update"):
        assert await other_api.refused(name, uuid=uid) == (404, "modelNotFound")
    for name in ("storage.record.list", "storage.run.list", "storage.merge.list", "segmentation.segment.all"):
        assert await other_api.refused(name, modelUuid=uid) == (404, "modelNotFound")
    assert (await other_api.call("storage.model.all"))["models"] == []
    await other_api.model()
    assert await other_api.records(await other_api.model("other")) == []


async def test_the_native_integration_lists_the_extractors(api: ApiClient) -> None:
    extractors = (await api.call("connection.nativeIntegration.get"))["nativeIntegration"]["extractors"]
    assert {"defineObject", "defineAccount", "defineContact", "uploadFile"} <= set(extractors)
    assert extractors["defineAccount"]["category"] == "unify"
    assert [extractors[slug]["kind"] for slug in ("defineObject", "uploadFile")] == ["record", "file"]
    assert [extractors[slug]["preview"] for slug in ("defineObject", "uploadFile")] == ["none", "records"]
