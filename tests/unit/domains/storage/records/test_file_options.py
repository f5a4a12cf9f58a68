"""Files as people have them: encodings, delimiters, decimal commas, orders of dates, rows that do not fit."""

from __future__ import annotations

import pytest

from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

GERMAN = "Nr;Größe;Umsatz;Seit;Mail\n1;groß;1.234,50;21.9.2025; a@b.de \n2;klein;-7;1.2.99;\n"
OPTIONS: Body = {"encoding": "windows-1252", "delimiter": ";", "decimal": ",", "dateOrder": "dmy", "trim": True}
RECORDS = [
    {"_id": "1", "grosse": "groß", "umsatz": 1234.5, "seit": "2025-09-21T00:00:00.000Z", "mail": "a@b.de"},
    {"_id": "2", "grosse": "klein", "umsatz": -7, "seit": "1999-02-01T00:00:00.000Z", "mail": None},
]


def shown(records: list[Body], columns: tuple[str, ...]) -> list[Body]:
    return [{name: record[name] for name in columns} for record in records]


async def test_types_are_inferred_in_the_notation_of_the_file_and_shown_before(api: ApiClient) -> None:
    key = await upload(api, GERMAN.encode("windows-1252"))
    config: Body = {"s3Filename": key, "idColumnSlug": "Nr", **OPTIONS}
    preview = await api.call("storage.model.preview", datasetUuid=await api.dataset(), slug="uploadFile", config=config)
    types = [(column["slug"], column["type"]) for column in preview["columns"]]
    sizes = types[1][0]
    assert types == [("nr", "number"), (sizes, "string"), ("umsatz", "number"), ("seit", "date"), ("mail", "string")]
    assert (preview["records"][0]["umsatz"], preview["count"]) == (1234.5, 2)
    model = await api.model("kunden", "uploadFile", **config)
    expected = [{sizes if name == "grosse" else name: value for name, value in record.items()} for record in RECORDS]
    assert shown(await api.records(model), ("_id", sizes, "umsatz", "seit", "mail")) == expected


async def test_white_space_around_headings_is_no_part_of_them(api: ApiClient) -> None:
    key = await upload(api, "Firma;  E-Mail Domain \nAcme;acme.com\n")
    config: Body = {"s3Filename": key, "idColumnSlug": "E-Mail Domain", "titleColumnSlug": " Firma"}
    model = await api.model("headed", "uploadFile", **config)
    columns = (await api.call("storage.column.list", modelUuid=model))["columns"]
    assert [(column["slug"], column["label"]) for column in columns][:2] == [("firma", "Firma"), ("e_mail_domain", "E-Mail Domain")]
    assert shown(await api.records(model), ("_id", "_title")) == [{"_id": "acme.com", "_title": "Acme"}]


async def test_a_file_is_ingested_as_it_is_written(api: ApiClient) -> None:
    model = await api.model()
    key = await upload(api, "domain|employees|founded\n a.com |1.200|3/2/2020\n".encode("utf-16"))
    options: Body = {"encoding": "utf-16", "delimiter": "|", "decimal": ",", "dateOrder": "dmy", "trim": True}
    assert (await api.call("storage.record.ingest", modelUuid=model, s3Filename=key, **options))["added"] == 1
    (record,) = await api.records(model)
    assert (record["_id"], record["employees"], record["founded"]) == ("a.com", 1200, "2020-02-03T00:00:00.000Z")


async def test_a_number_in_another_notation_is_refused_as_it_stands_in_the_file(api: ApiClient) -> None:
    model = await api.model()
    key = await upload(api, "domain;employees\na.com;1.5\n")
    said = await api.refusal_message("storage.record.ingest", modelUuid=model, s3Filename=key, decimal=",")
    assert 'row 2, column employees: "1.5" is not a number' in said


async def test_a_refusal_of_rows_says_which_options_they_would_fit_with(api: ApiClient) -> None:
    model = await api.model()
    key = await upload(api, "domain;employees;founded\na.com;1.200,5;31.12.2024\n")
    status, body = await api.refusal("storage.record.ingest", modelUuid=model, s3Filename=key, delimiter=";")
    assert (status, body["reason"]) == (400, "rowsRejected")
    assert 'They would fit with "decimal":",", "dateOrder":"dmy".' in body["errorMessage"]
    command = f"cargo-ai storage record ingest --model-uuid {model} --s3-filename {key} --delimiter ';' --decimal , --date-order dmy"
    assert body["fix"] == command
    again = {"delimiter": ";", "decimal": ",", "dateOrder": "dmy"}
    assert (await api.call("storage.record.ingest", modelUuid=model, s3Filename=key, **again))["added"] == 1


async def test_columns_that_are_text_for_want_of_an_option_are_named(api: ApiClient) -> None:
    key = await upload(api, "Nr;Umsatz;Seit;Ort\n1;1.234,50;21.9.2025;Ulm, West\n2;;1.2.99;\n")
    config: Body = {"s3Filename": key, "idColumnSlug": "Nr"}
    preview = {"datasetUuid": await api.dataset(), "slug": "uploadFile"}
    reply = await api.send("storage.model.preview", **preview, config=config)
    assert 'Umsatz was taken as text, such as 1.234,50: with \\"decimal\\":\\",\\"' in reply.headers["x-cargo-warnings"]
    assert 'Seit was taken as text, such as 21.9.2025: with \\"dateOrder\\":\\"dmy\\"' in reply.headers["x-cargo-warnings"]
    assert "Ort" not in reply.headers["x-cargo-warnings"]
    reply = await api.send("storage.model.preview", **preview, config={**config, "decimal": ",", "dateOrder": "dmy"})
    assert "x-cargo-warnings" not in reply.headers


async def test_another_encoding_than_the_file_has_is_refused_with_advice(api: ApiClient) -> None:
    model, key = await api.model(), await upload(api, "domain,name\na.com,Größe\n".encode("windows-1252"))
    assert "is not UTF-8" in await api.refusal_message("storage.record.ingest", modelUuid=model, s3Filename=key)
    key = await upload(api, "domain,name\na.com,\u0416\n")
    assert "SHIFT_JIS" in await api.refusal_message("storage.record.ingest", modelUuid=model, s3Filename=key, encoding="shift_jis")


async def test_types_that_are_given_are_not_inferred(api: ApiClient) -> None:
    key = await upload(api, "id,zip\na,12345\n")
    model = await api.model("a", "uploadFile", s3Filename=key, types={"zip": "string"})
    assert (await api.records(model))[0]["zip"] == "12345"


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"types": {"nope": "string"}}, "config.types.nope"),
        ({"types": {"n": "text"}}, "config.types.n"),
        ({"types": [1]}, "config.types"),
        ({"encoding": "klingon"}, "config.encoding"),
        ({"decimal": ";"}, "config.decimal"),
        ({"trim": "perhaps"}, "config.trim"),
    ],
)
async def test_options_that_are_not_are_refused_with_their_path(api: ApiClient, config: Body, path: str) -> None:
    fields: Body = {"slug": "a", "name": "A", "datasetUuid": await api.dataset(), "extractorSlug": "uploadFile"}
    reply = await api.send("storage.model.create", **fields, config={"s3Filename": await upload(api, "id,n\na,1\n"), **config})
    assert reply.status_code == 400 and path in reply.text


async def test_a_model_leaves_rows_out_that_do_not_fit_and_the_report_holds_them(api: ApiClient) -> None:
    config: Body = {"s3Filename": await upload(api, "id,Size\na,1\nb,many\n,3\n"), "types": {"size": "number"}, "skipInvalid": True}
    fields: Body = {"slug": "a", "name": "A", "datasetUuid": await api.dataset(), "extractorSlug": "uploadFile", "config": config}
    reply = await api.send("storage.model.create", **fields)
    assert reply.status_code == 200, reply.text
    warning = reply.headers["x-cargo-warnings"]
    assert "do not fit were left out: 2." in warning
    report = warning.rpartition("--uuid ")[2].strip('"]')
    url = (await api.call("storage.record.downloadIngestReport", uuid=report, format="json"))["url"]
    rows = (await api.http.get(url)).json()
    assert [(row["row"], row["verdict"], row["content"]) for row in rows] == [
        (2, "added", None),
        (3, "rejected", {"id": "b", "Size": "many"}),
        (4, "rejected", {"id": "", "Size": "3"}),
    ]


async def test_json_lines_are_written_in_one_way(api: ApiClient) -> None:
    model, key = await api.model(), await upload(api, '{"domain":"a.com"}\n', "a.jsonl")
    assert "JSON writes values in one way" in await api.refusal_message(
        "storage.record.ingest", modelUuid=model, s3Filename=key, decimal=","
    )
