"""Objects of S3: keys with any signs, contents in their formats, links that work, what is refused; also as another client sees it."""

from __future__ import annotations

from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from cargo_ai.integrations.kit import Failed, InvalidConfig, ServiceError
from cargo_ai.integrations.s3.client import object_url, xml_of
from cargo_ai.integrations.s3.objects import listed
from cargo_ai.outbound.exchange import OutboundRequest, send
from cargo_ai.outbound.url import parse_url
from tests.integrations.storage.s3_subject import ROWS, SUBJECT, account, contents, fill_rows
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness
from tests.simulators.s3.control import BUCKET, KEY_ID, SECRET, Stored, error

Json = Any
ODD = ["a b+c&d=e?f#g%h.txt", "ü/日本/😀.csv", "//double//slash", "~-_.!*'()", "tab\tand\nline", '<Key>&"quot;']


async def _done(harness: Harness, slug: str, config: dict[str, Json]) -> Json:
    action = harness.integration.action(slug)
    assert action is not None
    return (await harness.done(action, config)).output


async def _failed(harness: Harness, slug: str, config: dict[str, Json]) -> Failed:
    action = harness.integration.action(slug)
    assert action is not None
    return await harness.failed(action, config)


class TestObjects(Fixtures):
    """Objects."""

    subject = SUBJECT

    async def test_keys_may_hold_any_signs(self, harness: Harness) -> None:
        harness.control.objects.clear()
        for key in ODD:
            await _done(harness, "putObject", {"key": key, "content": key})
            assert (await _done(harness, "getObject", {"key": key}))["text"] == key
        assert sorted(contents(harness.control)) == sorted(ODD)
        output = await _done(harness, "listObjects", {})
        assert sorted(item["key"] for item in output["objects"]) == sorted(ODD)
        for key in ODD:
            await _done(harness, "deleteObject", {"key": key})
        assert contents(harness.control) == {}

    @pytest.mark.parametrize("key", ["../other/secret", "a/./b", "..", "a/..", "x\0y", "ü" * 600])
    async def test_a_key_that_would_lead_elsewhere_is_refused(self, harness: Harness, key: str) -> None:
        for slug, more in (("getObject", {}), ("putObject", {"content": "x"}), ("deleteObject", {}), ("presignUrl", {})):
            assert "`key`" in (await _failed(harness, slug, {"key": key, **more})).message
        assert harness.control.sent() == []

    async def test_contents_are_read_in_their_formats(self, harness: Harness) -> None:
        output = await _done(harness, "getObject", {"key": "leads.csv", "format": "csv"})
        assert output["rows"] == [{"email": "ada@example.com", "name": "Ada"}, {"email": "bob@example.com", "name": "Bob, the second"}]
        assert (output["rowsCount"], output["hasMore"], output["contentType"]) == (2, False, "text/csv")
        output = await _done(harness, "getObject", {"key": "leads.csv", "format": "csv", "limit": 1})
        assert (output["rowsCount"], output["hasMore"]) == (1, True)
        assert (await _done(harness, "getObject", {"key": "reports/q1.json", "format": "json"}))["json"] == {"total": 1}
        harness.control.objects["x.jsonl"] = Stored(b'\xef\xbb\xbf{"a": 1}\n\n[2]\n')
        assert (await _done(harness, "getObject", {"key": "x.jsonl", "format": "jsonl"}))["rows"] == [{"a": 1}, [2]]

    @pytest.mark.parametrize(
        ("content", "format", "says"),
        [
            (b"{", "json", "is not JSON"),
            (b"NaN", "json", "is not JSON"),
            (b"[" * 100_000, "json", "is not JSON"),
            (b'{"a": 1}\n{', "jsonl", "line 2 is not JSON"),
            (b"a,a\n1,2\n", "csv", "each once"),
            (b'a,b\n"' + b"x" * 2_000_000, "csv", "line 2"),
        ],
    )
    async def test_a_content_of_another_format_is_said_so(self, harness: Harness, content: bytes, format: str, says: str) -> None:
        harness.control.objects["x"] = Stored(content)
        failure = await _failed(harness, "getObject", {"key": "x", "format": format})
        assert says in failure.message and failure.reason == "unreadable"

    async def test_an_object_that_exists_is_left_where_that_is_asked_for(self, harness: Harness) -> None:
        config = {"key": "reports/q1.json", "content": {"total": 9}, "overwrite": False}
        assert (await _done(harness, "putObject", config))["operation"] == "skipped"
        assert contents(harness.control)["reports/q1.json"] == '{"total": 1}'
        assert (await _done(harness, "putObject", {**config, "key": "new.json"}))["operation"] == "written"
        assert harness.control.objects["new.json"] == Stored(b'{"total": 9}', "application/json")

    async def test_a_folder_is_listed_by_its_delimiter_and_a_limit(self, harness: Harness) -> None:
        output = await _done(harness, "listObjects", {"delimiter": "/"})
        assert ([item["key"] for item in output["objects"]], output["prefixes"]) == (["leads.csv"], ["reports/"])
        output = await _done(harness, "listObjects", {"limit": 2})
        assert ([item["key"] for item in output["objects"]], output["hasMore"]) == (["leads.csv", "reports/q1.json"], True)

    async def test_a_link_opens_the_object_for_everyone_until_it_expires(self, harness: Harness) -> None:
        key = ODD[0]
        harness.control.objects[key] = Stored(b"shared")
        output = await _done(harness, "presignUrl", {"key": key, "expiresInSeconds": 60})
        answer = await send(harness.client, OutboundRequest("GET", parse_url(output["url"])))
        assert (answer.status, answer.body) == (200, b"shared")
        forged = output["url"].replace("Expires=60", "Expires=6000")
        assert (await send(harness.client, OutboundRequest("GET", parse_url(forged)))).status == 403
        assert SECRET not in output["url"]
        harness.account = account(harness.simulator, sessionToken="session-4711")
        assert "temporary keys" in (await _failed(harness, "presignUrl", {"key": key})).message

    async def test_refusals_say_what_to_do(self, harness: Harness) -> None:
        harness.account = account(harness.simulator, region="eu-central-1")
        assert "the region is another one" in (await _failed(harness, "listObjects", {})).message
        harness.account = account(harness.simulator, bucket="")
        assert "name it in the node or the connector" in (await _failed(harness, "listObjects", {})).message
        harness.control.fail(status=301, body=error(301, "The bucket must be addressed elsewhere.", "PermanentRedirect"))
        harness.account = account(harness.simulator)
        assert "set `region`" in (await _failed(harness, "listObjects", {})).message
        harness.control.fail(status=503, body=error(503, "Please reduce your request rate.", "SlowDown"), times=9)
        failure = await _failed(harness, "listObjects", {})
        assert failure.transient and failure.reason == "rateLimited"

    async def test_without_a_bucket_the_list_of_buckets_proves_the_account(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        assert verification is not None
        harness.account = account(harness.simulator, bucket="")
        await verification.verify(harness.service())
        assert [seen.path for seen in harness.control.sent()] == ["/"]

    async def test_documents_with_definitions_of_their_own_are_not_read(self, harness: Harness) -> None:
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ListBucketResult>&b;</ListBucketResult>'
        harness.control.fail(status=200, body=bomb)
        with pytest.raises(ServiceError, match="does not have the form"):
            _ = [page async for page in listed(harness.service(), "", "")]
        answer = await harness.service().call("GET", "/", expect="text")
        assert xml_of(answer).tag == "ListAllMyBucketsResult"

    async def test_a_bucket_may_stand_in_the_name_of_the_host(self, harness: Harness) -> None:
        harness.account = account(harness.simulator, endpoint="", addressing="virtualHost", region="eu-central-1")
        service = harness.service()
        assert object_url(service, "", "//a b") == f"https://{BUCKET}.s3.eu-central-1.amazonaws.com///a%20b"
        with pytest.raises(InvalidConfig, match="one bucket"):
            object_url(service, "another", "a")

    async def test_another_client_and_this_one_understand_each_other(self, harness: Harness) -> None:
        store = S3Store(
            BUCKET, access_key_id=KEY_ID, secret_access_key=SECRET, client_options={"allow_http": True}, endpoint=harness.simulator.url
        )
        await obstore.put_async(store, "from obstore/ü.txt", b"theirs")
        assert (await _done(harness, "getObject", {"key": "from obstore/ü.txt"}))["text"] == "theirs"
        await _done(harness, "putObject", {"key": "from us/ü +.txt", "content": "ours"})
        assert bytes(await (await obstore.get_async(store, "from us/ü +.txt")).bytes_async()) == b"ours"


class TestModels(Fixtures):
    """Rows that fill a model."""

    subject = SUBJECT

    async def test_json_lines_have_the_types_of_their_first_rows(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        lines = b'{"id": 7, "n": 1.5, "ok": true, "tags": ["a"], "who": {"x": 1}, "mixed": 1}\n{"id": "b", "mixed": "x"}\n{"n": 2}\n'
        harness.control.objects["x.jsonl"] = Stored(lines)
        config = {"key": "x.jsonl", "format": "jsonl", "keyColumn": "id"}
        shape = await extractor.shape_for(harness.extract_request(extractor, config))
        types = {column.name: column.type for column in shape.columns}
        assert types == {"id": "any", "n": "number", "ok": "boolean", "tags": "array", "who": "object", "mixed": "any"}
        (page,) = await harness.extract(extractor, config)
        assert [record["id"] for record in page.records] == ["7", "b"]

    async def test_an_object_that_is_replaced_while_it_is_read_is_read_from_its_beginning(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        config = {"key": "rows.csv", "keyColumn": "id"}
        fill_rows(harness.control, 3 * ROWS)
        pages = harness.walk(extractor, config)
        first = await anext(pages)
        keys = fill_rows(harness.control, 3 * ROWS + 1)
        with pytest.raises(ServiceError) as replaced:
            await anext(pages)
        assert replaced.value.transient
        rest = await harness.extract(extractor, config, first.cursor)
        assert [record["id"] for page in rest for record in page.records] == keys

    @pytest.mark.parametrize(
        ("content", "says"),
        [(b"id,text\n1,\xff\n", "not text in UTF-8"), (b'id\n"' + b"x" * 2_000_000 + b'"\n', "more than"), (b"id,id\n1,2\n", "each once")],
    )
    async def test_a_content_that_is_no_csv_ends_with_an_error(self, harness: Harness, content: bytes, says: str) -> None:
        (extractor,) = harness.integration.extractors
        harness.control.objects["x.csv"] = Stored(content)
        with pytest.raises(ServiceError, match=says):
            await harness.extract(extractor, {"key": "x.csv", "keyColumn": "id"})
