"""Headings of files: columns are found by slug, by label, by slugs of earlier versions, and as the request says."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from tests.kit.api_client import ApiClient
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

COLUMNS = {"founded_on": "Gegründet am", "gr_e": "Size", "caf": "Coffee", "stadt": "Stadt"}


@pytest.fixture
async def places(api: ApiClient) -> str:
    model = await api.model()
    for slug, label in COLUMNS.items():
        await api.column(model, kind="custom", slug=slug, label=label)
    return model


async def test_columns_are_found_by_label_and_by_slugs_of_earlier_versions(api: ApiClient, places: str) -> None:
    key = await upload(api, "Domain, gegründet  AM,Größe,café,Coffee\na.com,1999,12,yes,no\n")
    warnings = await api.warnings("storage.record.ingest", modelUuid=places, s3Filename=key)
    assert warnings == ["The column Coffee of the file was left out: companies has no such column to write."]
    (record,) = await api.records(places)
    assert (record["founded_on"], record["gr_e"], record["caf"]) == ("1999", "12", "yes")


@pytest.mark.parametrize("file", ["towns.csv", "towns.ndjson"])
async def test_a_request_says_which_column_a_heading_fills(api: ApiClient, places: str, file: str) -> None:
    csv, lines = "Domain;Ort\na.com;Köln\n", '{"domain":"a.com","Ort":"Köln"}\n'
    key = await upload(api, lines if PurePath(file).suffix == ".ndjson" else csv, name=file)
    await api.call("storage.record.ingest", modelUuid=places, s3Filename=key, headings={"Ort": "stadt"})
    assert [record["stadt"] for record in await api.records(places)] == ["Köln"]
    refused = await api.refused("storage.record.ingest", modelUuid=places, s3Filename=key, headings={"Ort": "town"})
    assert refused == (404, "columnNotFound")


@pytest.mark.parametrize(("header", "headings"), [("Domain,Ort", {"Ort": "domain"}), ("Domain,domain", {})])
async def test_two_headings_for_one_column_are_refused(api: ApiClient, places: str, header: str, headings: dict[str, str]) -> None:
    key = await upload(api, f"{header}\na.com,b.com\n")
    said = (await api.refusal("storage.record.ingest", modelUuid=places, s3Filename=key, headings=headings))[1]
    assert said["reason"] == "fileInvalid"
    assert "would both fill domain" in said["errorMessage"]
    assert await api.records(places) == []


async def test_columns_that_are_made_of_a_file_have_plain_letters(api: ApiClient) -> None:
    key = await upload(api, "ID,Gegründet am,Straße,Ação (%)\n1,a,b,c\n")
    model = (await api.call("storage.model.get", uuid=await api.model("towns", "uploadFile", s3Filename=key)))["model"]
    assert [column["slug"] for column in model["columns"]] == ["id", "gegrundet_am", "strasse", "acao"]
