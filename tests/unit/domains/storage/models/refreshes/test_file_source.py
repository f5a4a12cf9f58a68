"""Models from files: columns and types found out, ids, values that do not fit, and the same through a preview."""

from __future__ import annotations

from tests.kit.api_client import ApiClient, Body

CSV = """Company ID,Company Name,Employees,Since,Public?,ZIP,Facts,Company Name
1,Acme,1200,2001-02-03,true,01234,"{""a"":1}",x
2,Beta,,1999-12-31T23:59:59Z,false,98765,{},
3,"Gamma, Inc",3.5,,TRUE,11111,,y
"""


async def upload(api: ApiClient, content: str | bytes, name: str = "data.csv") -> str:
    """The key of an uploaded file."""
    body = content.encode() if isinstance(content, str) else content
    reply = await api.http.post("/v1/workspaceManagement/files/upload", files={"file": (name, body, "text/csv")})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["s3Filename"])


async def test_columns_and_types_are_found_out(api: ApiClient) -> None:
    uid = await api.model(
        "uploaded", "uploadFile", s3Filename=await upload(api, CSV), idColumnSlug="company_id", titleColumnSlug="company_name"
    )
    model = (await api.call("storage.model.get", uuid=uid))["model"]
    assert [(column["slug"], column["type"], column["originalSlug"]) for column in model["columns"]] == [
        ("company_id", "number", "Company ID"),
        ("company_name", "string", "Company Name"),
        ("employees", "number", "Employees"),
        ("since", "date", "Since"),
        ("public", "boolean", "Public?"),
        ("zip", "string", "ZIP"),
        ("facts", "object", "Facts"),
        ("company_name_2", "string", "Company Name_2"),
    ]
    assert (model["lastRun"]["status"], model["lastRun"]["errorMessage"]) == ("success", None)
    records = await api.records(uid)
    assert [record["_id"] for record in records] == ["1", "2", "3"]
    assert [record["_title"] for record in records] == ["Acme", "Beta", "Gamma, Inc"]
    assert [record["employees"] for record in records] == [1200, None, 3.5]
    assert [record["public"] for record in records] == [True, False, True]
    assert records[0]["facts"] == {"a": 1}
    assert records[1]["since"] == "1999-12-31T23:59:59.000Z"
    assert records[1]["company_name_2"] is None


async def test_a_model_from_a_file_can_be_changed_and_removed_like_any_other(api: ApiClient) -> None:
    uid = await api.model("uploaded", "uploadFile", s3Filename=await upload(api, "id,n\na,1\nb,2\n"))
    assert (await api.call("storage.model.get", uuid=uid))["model"]["idColumnSlug"] == "id"
    assert await api.refused("storage.record.create", modelUuid=uid, data={"id": "a"}) == (409, "recordAlreadyExists")
    await api.add(uid, {"id": "c", "n": 3})
    await api.column(uid, kind="custom", slug="tier")
    assert [record["_id"] for record in await api.records(uid)] == ["a", "b", "c"]
    await api.call("storage.model.remove", uuid=uid)


async def test_of_an_id_that_comes_twice_the_last_row_counts(api: ApiClient) -> None:
    fields: Body = {
        "slug": "twice", "name": "Twice", "datasetUuid": await api.dataset(), "extractorSlug": "uploadFile",
        "config": {"s3Filename": await upload(api, "id,n\na,1\nb,2\na,3\n")},
    }  # fmt: skip
    reply = await api.send("storage.model.create", **fields)
    assert reply.status_code == 200, reply.text
    assert "the last row of an id counts" in reply.headers["x-cargo-warnings"]
    records = await api.records(reply.json()["model"]["uuid"])
    assert [(record["_id"], record["n"]) for record in records] == [("a", 3), ("b", 2)]


async def test_a_value_that_does_not_fit_names_row_and_column_and_nothing_stays(api: ApiClient) -> None:
    key = await upload(api, "id,n\na,1\nb,many\n")
    columns = [{"slug": "id", "type": "string"}, {"slug": "n", "type": "number"}]
    fields: Body = {
        "slug": "bad", "name": "Bad", "datasetUuid": await api.dataset(), "extractorSlug": "uploadFile",
        "config": {"s3Filename": key, "columns": columns, "idColumnSlug": "id"},
    }  # fmt: skip
    said = await api.refusal_message("storage.model.create", **fields)
    assert 'data.csv, row 3, column n: "many" is not a number' in said
    assert (await api.call("storage.model.all"))["models"] == []


async def test_named_columns_are_taken_by_header_or_slug_and_others_left_out(api: ApiClient) -> None:
    key = await upload(api, CSV)
    columns = [
        {"slug": "no", "type": "string", "originalSlug": "Company ID"},
        {"slug": "employees", "type": "string"},
        {"slug": "more", "type": "string"},
    ]
    uid = await api.model("some", "uploadFile", s3Filename=key, columns=columns, idColumnSlug="no")
    assert [(record["_id"], record["employees"], record["more"]) for record in await api.records(uid)] == [
        ("1", "1200", None),
        ("2", None, None),
        ("3", "3.5", None),
    ]


async def test_records_without_an_id_column_get_ids(api: ApiClient) -> None:
    uid = await api.model("plain", "uploadFile", s3Filename=await upload(api, "name\nA\nB\n"))
    assert [len(record["_id"]) for record in await api.records(uid)] == [36, 36]


async def test_a_preview_shows_what_would_come(api: ApiClient) -> None:
    fields: Body = {"datasetUuid": await api.dataset(), "slug": "uploadFile", "config": {"s3Filename": await upload(api, CSV)}}
    found = await api.call("storage.model.preview", **fields)
    assert found["count"] == 3
    assert [column["type"] for column in found["columns"]][:3] == ["number", "string", "number"]
    assert [record["employees"] for record in found["records"]] == [1200, None, 3.5]
    assert await api.call("storage.model.previewCount", **fields) == {"count": 3}


async def test_files_that_cannot_be_read_are_refused_in_words(api: ApiClient) -> None:
    fields: Body = {"slug": "m", "name": "M", "datasetUuid": await api.dataset(), "extractorSlug": "uploadFile"}
    assert await api.refused("storage.model.create", **fields, config={}) == (400, "invalidInput")
    assert await api.refused("storage.model.create", **fields, config={"s3Filename": "a/b"}) == (404, "fileNotFound")
    empty = {"s3Filename": await upload(api, "")}
    assert await api.refused("storage.model.create", **fields, config=empty) == (400, "fileInvalid")


async def test_a_file_of_another_workspace_is_unknown(api: ApiClient, other_api: ApiClient) -> None:
    key = await upload(api, "id\n1\n")
    fields: Body = {"slug": "m", "name": "M", "datasetUuid": await other_api.dataset(), "extractorSlug": "uploadFile"}
    assert await other_api.refused("storage.model.create", **fields, config={"s3Filename": key}) == (404, "fileNotFound")
