"""Models: made, shown, changed, removed; nobody sees those of another workspace."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from cargo_ai.server.api.state import State
from tests.unit.domains.storage.conftest import COMPANIES, Asker


async def test_a_workspace_is_born_with_a_native_dataset(asker: Asker) -> None:
    found = (await asker.ask("storage.dataset.all"))["datasets"]
    assert [(one["slug"], one["kind"], one["config"]) for one in found] == [("default", "native", {"kind": "object"})]
    assert (await asker.ask("storage.dataset.get", uuid=found[0]["uuid"]))["dataset"] == found[0]


async def test_a_model_shows_its_columns_and_roles(asker: Asker) -> None:
    uid = await asker.model()
    found = (await asker.ask("storage.model.get", uuid=uid))["model"]
    assert [column["slug"] for column in found["columns"]] == [column["slug"] for column in COMPANIES]
    assert {column["kind"] for column in found["columns"]} == {"original"}
    assert (found["idColumnSlug"], found["titleColumnSlug"], found["timeColumnSlug"]) == ("domain", "name", None)
    assert (found["kind"], found["additionalColumns"], found["isPaused"], found["lastRun"]) == ("native", [], False, None)
    assert [one["uuid"] for one in (await asker.ask("storage.model.all"))["models"]] == [uid]


async def test_a_model_without_columns_can_be_made(asker: Asker) -> None:
    made = await asker.ask(
        "storage.model.create", slug="bare", name="Bare", datasetUuid=await asker.dataset(), extractorSlug="defineObject", config={}
    )
    assert made["model"]["columns"] == []
    assert made["model"]["idColumnSlug"] == "_id"


async def test_accounts_and_contacts_come_with_columns(asker: Asker) -> None:
    account = (await asker.ask("storage.model.get", uuid=await asker.model("accounts", "defineAccount", a=1)))["model"]
    assert {"id", "name", "industry", "website", "linkedin_url", "number_of_employees", "annual_revenue", "owner_id"} <= {
        column["slug"] for column in account["columns"]
    }
    contact = (await asker.ask("storage.model.get", uuid=await asker.model("contacts", "defineContact", a=1)))["model"]
    assert contact["idColumnSlug"] == "id"


async def test_a_slug_is_taken_once_per_dataset(asker: Asker) -> None:
    await asker.model()
    fields: dict[str, Any] = {"name": "Again", "datasetUuid": await asker.dataset(), "extractorSlug": "defineObject", "config": {}}
    assert await asker.refused("storage.model.create", slug="companies", **fields) == (409, "duplicateSlug")
    exists = await asker.ask("storage.model.existsBySlug", slug="companies", datasetUuid=fields["datasetUuid"])
    assert exists == {"exists": True}


async def test_what_a_model_cannot_be_made_of_is_refused_in_words(asker: Asker) -> None:
    fields: dict[str, Any] = {"slug": "m", "name": "M", "datasetUuid": await asker.dataset(), "extractorSlug": "defineObject"}
    said = await asker.sentence("storage.model.create", **fields, config={"columns": [{"slug": "_x", "type": "string"}]})
    assert said.startswith("config.columns.0.slug: has letters")
    said = await asker.sentence("storage.model.create", **fields, config={"columns": COMPANIES, "idColumnSlug": "tags"})
    assert "names tags, which is array" in said
    said = await asker.sentence("storage.model.create", **fields, config={"columns": COMPANIES, "titleColumnSlug": ["name"]})
    assert said == "config.titleColumnSlug: is not the slug of a column"
    fields["extractorSlug"] = "fetchDeals"
    assert await asker.refused("storage.model.create", **fields, config={}) == (400, "integrationNotCompatible")
    fields["datasetUuid"] = "nothing"
    assert await asker.refused("storage.model.create", **fields, config={}) == (404, "datasetNotFound")


async def test_the_ddl_has_the_name_and_columns_that_sql_uses(asker: Asker) -> None:
    uid = await asker.model()
    await asker.column(uid, kind="custom", slug="tier")
    found = await asker.ask("storage.model.getDdl", uuid=uid)
    assert found["language"] == "postgresql"
    assert "`datasets_default.models_companies`" in found["ddl"]
    assert "`employees` double precision" in found["ddl"]
    assert "`tier` text" in found["ddl"]


async def test_a_model_is_renamed_paused_and_given_another_title(asker: Asker) -> None:
    uid = await asker.model()
    await asker.add(uid, {"domain": "acme.com", "name": "Acme", "founded": "1999-05-01"})
    found = await asker.ask(
        "storage.model.update", uuid=uid, name="New", isPaused=True, titleColumnSlug="domain", timeColumnSlug="founded", description="d"
    )
    model = found["model"]
    assert (model["name"], model["isPaused"], model["titleColumnSlug"], model["timeColumnSlug"]) == ("New", True, "domain", "founded")
    record = (await asker.records(uid))[0]
    assert (record["_title"], record["_time"]) == ("acme.com", "1999-05-01T00:00:00.000Z")


async def test_the_id_column_of_a_model_stays(asker: Asker) -> None:
    uid = await asker.model()
    assert "cannot change" in await asker.sentence("storage.model.update", uuid=uid, idColumnSlug="name")
    assert await asker.refused("storage.model.update", uuid=uid, timeColumnSlug="name") == (400, "invalidInput")
    assert await asker.refused("storage.model.update", uuid=uid, titleColumnSlug="nope") == (404, "columnNotFound")


async def test_unification_names_columns_that_are_there(asker: Asker) -> None:
    uid = await asker.model()
    wanted = {"source": "custom", "type": "account", "uniqueColumns": [{"slug": "domain", "reference": "domain"}]}
    found = (await asker.ask("storage.model.update", uuid=uid, unification=wanted))["model"]
    assert found["unification"] == wanted
    wanted["uniqueColumns"] = [{"slug": "nope", "reference": "domain"}]
    assert await asker.refused("storage.model.update", uuid=uid, unification=wanted) == (400, "invalidInput")
    assert (await asker.ask("storage.model.update", uuid=uid, unification=None))["model"]["unification"] is None


async def test_a_removed_model_is_gone_with_its_table(asker: Asker, state: State) -> None:
    uid = await asker.model()
    assert await asker.ask("storage.model.remove", uuid=uid) == {"uuid": uid}
    assert await asker.refused("storage.model.get", uuid=uid) == (404, "modelNotFound")
    async with state.database.engine.connect() as connection:
        left = await connection.execute(text("select count(*) from pg_class where relname like '%companies%'"))
        assert left.scalar_one() == 0
    await asker.model()


async def test_a_model_of_another_workspace_is_unknown(asker: Asker, stranger: Asker) -> None:
    uid = await asker.model()
    for name in ("storage.model.get", "storage.model.remove", "storage.model.getDdl", "storage.model.update"):
        assert await stranger.refused(name, uuid=uid) == (404, "modelNotFound")
    for name in ("storage.record.list", "storage.run.list", "storage.merge.list", "segmentation.segment.all"):
        assert await stranger.refused(name, modelUuid=uid) == (404, "modelNotFound")
    assert (await stranger.ask("storage.model.all"))["models"] == []
    await stranger.model()
    assert await stranger.records(await stranger.model("other")) == []


async def test_the_native_integration_lists_the_extractors(asker: Asker) -> None:
    found = (await asker.ask("connection.nativeIntegration.get"))["nativeIntegration"]["extractors"]
    assert {"defineObject", "defineAccount", "defineContact", "uploadFile"} <= set(found)
    assert found["defineAccount"]["category"] == "unify"
    assert [found[slug]["kind"] for slug in ("defineObject", "uploadFile")] == ["record", "file"]
    assert [found[slug]["preview"] for slug in ("defineObject", "uploadFile")] == ["none", "records"]
