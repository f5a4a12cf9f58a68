"""Uploads streamed from disk and downloads streamed to stdout."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, Request, fake_api
from tests.unit.cli.cli_process import Cli

UPLOAD = ("workspace", "file", "upload", "--file-path")
FILES = "/v1/workspaceManagement/files"
DOWNLOAD = ("orchestration", "batch", "download", "b-1")
DOWNLOADED = "/v1/orchestration/batches/b-1/download"
MEGABYTE = 1024 * 1024


def big_file(cli: Cli, size: int) -> Path:
    """A file of random first bytes and a long hole, so that it costs no disk."""
    path = cli.cwd / "big.csv"
    with path.open("wb") as file:
        file.write(os.urandom(4096))
        file.truncate(size)
    return path


def peak_memory(cli: Cli, *args: str) -> tuple[int, int]:
    """Exit code and peak resident memory in bytes of one command, as its own process saw it."""
    code = f"from cargo_ai.cli.main import main; code = main({list(args)!r}); print(code, open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", code], env=cli.env, cwd=cli.cwd, capture_output=True, text=True, check=True)
    status = done.stdout[done.stdout.rindex("}") + 1 :].split()
    return int(status[0]), int(status[status.index("VmHWM:") + 1]) * 1024


def test_a_file_goes_as_one_form_with_its_name_and_type(cli: Cli, api: FakeApi) -> None:
    api.on("POST", FILES, {"s3Filename": "k", "contentType": "text/csv", "name": "x"})
    (cli.cwd / 'né "1".csv').write_text("domain\nacme.com\n")
    assert cli(*UPLOAD, 'né "1".csv', "--name", "Mine").json["s3Filename"] == "k"
    request = api.requests[0]
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\S+)", request.headers["content-type"])
    assert boundary and "idempotency-key" in request.headers
    parts = request.body.decode().split("--" + boundary[1])
    assert parts[1] == '\r\nContent-Disposition: form-data; name="name"\r\n\r\nMine\r\n'
    head, _, content = parts[2].partition("\r\n\r\n")
    assert 'name="file"; filename="né %221%22.csv"' in head and "Content-Type: text/csv" in head
    assert content == "domain\nacme.com\n\r\n" and parts[3] == "--\r\n"


def test_standard_input_goes_as_a_file_of_that_name(cli: Cli, api: FakeApi) -> None:
    api.on("POST", FILES, {"s3Filename": "k", "contentType": "application/octet-stream", "name": "stdin"})
    assert cli(*UPLOAD, "-", stdin=b"domain\nacme.com\n").json["s3Filename"] == "k"
    head, _, content = api.requests[0].body.decode().partition("\r\n\r\n")
    assert 'name="file"; filename="stdin"' in head and content.startswith("domain\nacme.com\n\r\n--")


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_an_upload_is_streamed_and_never_wholly_in_memory(cli: Cli, api: FakeApi) -> None:
    api.on("POST", FILES, {"s3Filename": "k"})
    big_file(cli, 49 * MEGABYTE)
    code, peak = peak_memory(cli, *UPLOAD, "big.csv")
    assert code == 0 and api.requests[0].size > 49 * MEGABYTE
    assert peak < 40 * MEGABYTE


def test_an_upload_is_sent_again_from_its_start_after_a_503(cli: Cli, api: FakeApi) -> None:
    api.on("POST", FILES, Answer(503, {"errorMessage": "x"}, headers={"Retry-After": "0"}), {"s3Filename": "k"})
    (cli.cwd / "a.csv").write_text("a\n1\n")
    assert cli(*UPLOAD, "a.csv").code == 0
    assert api.requests[0].body == api.requests[1].body


def test_what_is_no_readable_file_is_refused_before_anything_is_sent(cli: Cli, api: FakeApi) -> None:
    for path, said in (("absent.csv", "does not exist"), (".", "is a folder"), ("/dev/null", "not a regular file")):
        result = cli(*UPLOAD, path)
        assert result.code == 2 and said in result.json["errorMessage"]
    assert api.requests == []


def in_parts(api: FakeApi) -> dict[int, Request]:
    """Routes of an upload in parts; the parts that arrived, by number."""
    arrived: dict[int, Request] = {}

    def sign(request: Request) -> Answer:
        return Answer(document={"url": f"/v1/files/part/{request.json['partNumber']}?sig=x"})

    def put(number: int) -> Any:
        def take(request: Request) -> Answer:
            arrived[number] = request
            return Answer(headers={"ETag": f'"e{number}"'})

        return take

    base = FILES + "/multipart/"
    api.on("POST", base + "create", {"s3Filename": "k", "uploadId": "up-1"})
    api.on("POST", base + "sign", sign)
    api.on("POST", base + "complete", {"s3Filename": "k"})
    api.on("POST", base + "abort", {})
    for number in range(1, 9):
        api.on("PUT", f"/v1/files/part/{number}", put(number))
    return arrived


def test_a_large_file_goes_in_parts_signed_one_by_one_without_the_token(cli: Cli, api: FakeApi) -> None:
    arrived = in_parts(api)
    path = big_file(cli, 52428800 + 5)
    result = cli(*UPLOAD, "big.csv")
    assert result.json == {"s3Filename": "k", "contentType": "text/csv", "name": "big.csv"}
    assert [arrived[number].size for number in range(1, 8)] == [8388608] * 6 + [52428805 - 6 * 8388608]
    with path.open("rb") as file:
        assert arrived[1].sha256 == hashlib.sha256(file.read(8388608)).hexdigest()
    assert all("authorization" not in request.headers for request in arrived.values())
    complete = api.sent("POST", FILES + "/multipart/complete")[0].json
    assert complete["parts"][6] == {"partNumber": 7, "etag": '"e7"'} and complete["uploadId"] == "up-1"


def test_a_part_that_fails_is_retried_and_a_refused_one_aborts_the_upload(cli: Cli, api: FakeApi) -> None:
    in_parts(api)
    big_file(cli, 52428800)
    ok = Answer(headers={"ETag": '"e"'})
    api.on("PUT", "/v1/files/part/2", Answer(500), ok)
    api.on("PUT", "/v1/files/part/3", Answer(403))
    result = cli(*UPLOAD, "big.csv")
    assert result.code == 1 and result.json["reason"] == "partRefused" and result.json["status"] == 403
    assert len(api.sent("PUT", "/v1/files/part/2")) == 2
    assert api.sent("POST", FILES + "/multipart/abort")[0].json == {"s3Filename": "k", "uploadId": "up-1"}


def test_a_download_is_streamed_verbatim_without_the_token(cli: Cli, api: FakeApi) -> None:
    with fake_api() as store:
        store.on("GET", "/signed/x", Answer(302, headers={"Location": "/signed/y"}))
        store.on("GET", "/signed/y", Answer(body=b'[{"a": 1},\n {"a":2}]'))
        api.on("POST", DOWNLOADED, {"url": store.url + "/signed/x?sig=1"})
        result = cli(*DOWNLOAD, "--output-node-slug", "end")
        assert (result.code, result.raw, result.err) == (0, b'[{"a": 1},\n {"a":2}]', "")
        assert all("authorization" not in request.headers for request in store.requests)
        assert api.requests[0].json == {"outputNodeSlug": "end", "format": "json"}


def test_a_flag_of_the_newer_documents_prints_the_url_instead(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DOWNLOADED, {"url": "/signed"})
    assert cli(*DOWNLOAD, "--format", "csv").json == {"url": "/signed"}
    assert api.requests[0].json == {"format": "csv"} and len(api.requests) == 1


def test_a_download_address_relative_to_the_server_works(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DOWNLOADED, {"url": "/v1/files/x?sig=1"})
    api.on("GET", "/v1/files/x", Answer(body=b"[]"))
    assert cli(*DOWNLOAD).raw == b"[]"
    assert "authorization" not in api.sent("GET", "/v1/files/x")[0].headers


def test_a_refused_download_is_one_json_document(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DOWNLOADED, {"url": "/gone"})
    result = cli(*DOWNLOAD)
    assert result.code == 1 and result.json["reason"] == "downloadRefused" and result.json["status"] == 404
    api.on("POST", DOWNLOADED, {"url": "file:///etc/passwd"})
    assert cli(*DOWNLOAD).json["reason"] == "unexpectedAnswer"


def test_a_download_that_ends_early_does_not_pass_for_a_whole_one(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DOWNLOADED, {"url": "/cut"})
    api.on("GET", "/cut", Answer(body=b"[1, 2, 3, 4]", cut=True))
    result = cli(*DOWNLOAD)
    assert result.code == 75 and result.raw == b"[1, 2," and "ended early" in result.err


@pytest.mark.parametrize(
    ("words", "path", "sent"),
    [
        ("storage record ingest --model-uuid m", "/v1/storage/records/ingest", {"modelUuid": "m", "s3Filename": "k"}),
        (
            """storage model create --slug l --name L --dataset-uuid d --config {"idColumnSlug":"email"}""",
            "/v1/storage/models",
            {
                "slug": "l",
                "name": "L",
                "datasetUuid": "d",
                "extractorSlug": "uploadFile",
                "config": {"idColumnSlug": "email", "s3Filename": "k"},
            },
        ),
        (
            "storage model preview --dataset-uuid d",
            "/v1/storage/models/preview",
            {"datasetUuid": "d", "slug": "uploadFile", "config": {"s3Filename": "k"}},
        ),
        ("orchestration batch create", "/v1/orchestration/batches", {"data": {"kind": "file", "s3Filename": "k"}}),
    ],
)
def test_a_file_of_rows_is_uploaded_where_its_key_would_be_given(
    cli: Cli, api: FakeApi, words: str, path: str, sent: dict[str, Any]
) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("POST", "/v1/workspaceManagement/files/upload", {"s3Filename": "k"})
    for noun in ("models", "datasets"):
        api.on("GET", f"/v1/storage/{noun}/list", {noun: []})
    api.on("POST", path, {"ok": True})
    (cli.cwd / "leads.csv").write_text("email\na@acme.com\n")
    assert cli(*words.split(), "--file", "leads.csv").json == {"ok": True}
    assert api.requests[-1].json == sent


def test_a_file_beside_other_rows_is_refused_before_it_is_sent(cli: Cli, api: FakeApi) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    for noun in ("models", "datasets"):
        api.on("GET", f"/v1/storage/{noun}/list", {noun: []})
    create = ("storage", "model", "create", "--slug", "l", "--name", "L", "--dataset-uuid", "d", "--file", "leads.csv")
    for words, flag in (
        (("storage", "record", "ingest", "--model-uuid", "m", "--s3-filename", "k", "--file", "leads.csv"), "--s3-filename"),
        ((*create, "--extractor-slug", "defineObject"), "--extractor-slug"),
        ((*create, "--config", '{"s3Filename":"k"}'), "--config"),
    ):
        result = cli(*words)
        assert (result.code, result.json["errorMessage"]) == (2, f"Give --file or {flag}, not both.")
    assert all(request.verb == "GET" for request in api.requests)
