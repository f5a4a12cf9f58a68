"""The methods of `Cargo` and `AsyncCargo` against a whole server, and against lines that are cut."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import polars
import pyarrow  # pyright: ignore[reportMissingTypeStubs]
import pytest

from cargo_ai.sdk import (
    AsyncCargo,
    Cargo,
    CargoError,
    InvalidRequest,
    NotFound,
    NotSignedIn,
    Settings,
    TooManyRequests,
    UnexpectedReply,
    Unreachable,
    nouns,
)
from cargo_ai.server.api import rest
from tests.unit.sdk.conftest import Line


@pytest.fixture
def client(signed_in: Settings) -> Iterator[Cargo]:
    """Signed in as the admin."""
    with Cargo.of(signed_in) as opened:
        yield opened


def model_of(client: Cargo, companies: Path, slug: str) -> str:
    """The uuid of a new model with the companies as its records."""
    dataset = client.storage.dataset.list().datasets[0]
    file = client.workspace.file.upload(companies)
    config = {"s3Filename": file.s3_filename, "idColumnSlug": "domain", "titleColumnSlug": "name"}
    made = client.storage.model.create(slug=slug, name=slug, dataset_uuid=dataset.uuid, extractor_slug="uploadFile", config=config)
    return made.model.uuid


def test_every_operation_is_a_method() -> None:
    def calls(below: Any) -> Iterator[str]:
        for entry in below.values():
            yield from [entry["call"]] if "call" in entry else calls(entry)

    named = {_method(call).operation.name for call in calls(nouns.index())}
    assert named == {operation.name for operation in rest.public_operations()}


def _method(call: str) -> nouns.Method:
    def invoke(method: nouns.Method, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Never called."""

    return nouns.Method(call, {"call": call, "kind": "call", "positionals": []}, invoke)


def test_a_list_is_iterated_page_by_page_to_its_end_or_as_far_as_asked(client: Cargo, companies: Path) -> None:
    model = model_of(client, companies, "iterated")
    domains = [record["domain"] for record in client.storage.record.iterate(model_uuid=model, page_size=7)]
    assert domains == [f"c{number:02}.example" for number in range(25)]
    some = list(client.storage.record.iterate(model_uuid=model, page_size=7, max_rows=9))
    assert [record["domain"] for record in some] == domains[:9]
    other_order = client.storage.record.iterate(model_uuid=model, page_size=7, sort={"columnSlug": "_title", "kind": "desc"})
    assert len({record["domain"] for record in other_order}) == 25
    assert list(client.storage.record.iterate(model_uuid=model, max_rows=0)) == []


async def test_the_asynchronous_client_does_the_same(signed_in: Settings, companies: Path, tmp_path: Path) -> None:
    with Cargo.of(signed_in) as client:
        model = model_of(client, companies, "asynchronous")
    async with AsyncCargo.of(signed_in) as client:
        assert len([record async for record in client.storage.record.iterate(model_uuid=model, page_size=10)]) == 25
        download = client.storage.record.download(model_uuid=model)
        saved = await download.save(tmp_path / "records.csv")
        assert len(saved.read_text().splitlines()) == 26
        assert len([row async for row in download.rows()]) == 25
        assert (await download.to_polars()).height == 25
        assert (await client.workspace.file.upload(saved)).name == "records.csv"
        with pytest.raises(NotFound) as no:
            await client.storage.model.get("unknown")
        assert no.value.reason == "modelNotFound"


@pytest.mark.slow
def test_records_become_tables_and_tables_records(client: Cargo, companies: Path) -> None:
    model = model_of(client, companies, "tables")
    download = client.storage.record.download(model_uuid=model)
    assert download.to_arrow().num_rows == 25
    frame = download.to_polars()
    grown = frame.select("domain", "name", polars.col("employees") + 100)
    tables: list[Any] = [grown.to_pandas(), grown.to_arrow(), grown.lazy()]
    for table in tables:
        file = client.workspace.file.upload(table)
        report = client.storage.record.ingest(model_uuid=model, s3_filename=file.s3_filename)
        assert (report.added, report.updated + report.unchanged, report.rejected) == (0, 25, 0)
    assert set(download.to_polars()["employees"]) == set(range(100, 125))
    assert len(download.to_pandas()) == 25


def test_a_file_is_a_path_bytes_or_an_open_file(client: Cargo, companies: Path) -> None:
    content = companies.read_bytes()
    with companies.open("rb") as opened:
        names = [client.workspace.file.upload(source).name for source in (str(companies), content, opened)]
        assert not opened.closed
    named = client.workspace.file.upload(io.BytesIO(content), name="other.csv")
    assert (names, named.name, named.content_type) == (["companies.csv", "file", "companies.csv"], "other.csv", "text/csv")
    with pytest.raises(TypeError, match="opened in binary mode"), companies.open() as text:
        client.workspace.file.upload(text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(FileNotFoundError):
        client.workspace.file.upload("no-such-file.csv")


def test_an_upload_that_is_cut_is_sent_again_from_its_start_and_stored_once(signed_in: Settings, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"domain\n" + b"a.example\n" * 400_000)
    line = Line(signed_in.base_url, sent=1_000_000)
    with Cargo.of(Settings(signed_in.token, line.url)) as client:
        columns = client.workspace.file.list_columns(s3_filename=client.workspace.file.upload(large).s3_filename)
    line.close()
    assert [column.name for column in columns.columns] == ["domain"]
    assert line.connections >= 2


def test_a_stream_that_cannot_be_read_twice_is_not_sent_twice(signed_in: Settings) -> None:
    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"a" * len(buffer)
            return len(buffer)

    line = Line(signed_in.base_url, sent=200_000)
    with Cargo.of(Settings(signed_in.token, line.url)) as client, pytest.raises(Unreachable, match="connection was lost"):
        client.workspace.file.upload(Pipe(), name="endless.csv")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    line.close()
    assert line.connections == 1


def test_a_download_that_is_cut_leaves_the_old_file(signed_in: Settings, companies: Path, tmp_path: Path) -> None:
    with Cargo.of(signed_in) as client:
        model = model_of(client, companies, "cut")
        link = client.storage.record.download(model_uuid=model).url("csv")
    line = Line(signed_in.base_url, received=100)
    target = tmp_path / "records.csv"
    target.write_text("old")

    class Redirected(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if "/downloads/" in request.url.path:
                request.url = httpx.URL(str(request.url).replace(signed_in.base_url, line.url))
            return super().handle_request(request)

    with Cargo.of(signed_in, transport=Redirected()) as client, pytest.raises(Unreachable):
        client.storage.record.download(model_uuid=model).save(target)
    line.close()
    assert link.startswith("http") and target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["companies.csv", "records.csv"]


class Script(httpx.BaseTransport):
    """Responses in order."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses = list(responses)
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.responses.pop(0)


def refusal(status: int, reason: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"errorMessage": "Later.", "reason": reason}, headers=headers)


def test_a_busy_server_is_met_again_after_the_seconds_that_it_names_under_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    made = httpx.Response(200, json={"folder": None, "uuid": "u"})
    script = Script(refusal(429, "tooManyRequests", **{"Retry-After": "7"}), refusal(503, "unavailable"), made)
    with Cargo.of(Settings("t"), transport=script) as client:
        assert client.workspace.folder.remove("u").uuid == "u"
    assert pauses[0] == 7
    assert len({request.headers["idempotency-key"] for request in script.sent}) == 1
    patient = Script(refusal(429, "tooManyRequests", **{"Retry-After": "900"}))
    with Cargo.of(Settings("t"), transport=patient) as client, pytest.raises(TooManyRequests) as later:
        client.workspace.folder.remove("u", idempotency_key="mine")
    assert (later.value.retry_after, patient.sent[0].headers["idempotency-key"]) == (900, "mine")


def test_errors_say_what_was_probably_meant(client: Cargo) -> None:
    with pytest.raises(AttributeError, match=r'client.orchestration has no "bacth"; did you mean batch\?'):
        client.orchestration.bacth  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore
    with pytest.raises(TypeError, match=r'has no argument "workflow"; did you mean workflow_uuid\?'):
        client.orchestration.batch.create(workflow="u")  # type: ignore[call-arg]  # pyright: ignore
    with pytest.raises(TypeError, match="needs uuid"):
        client.orchestration.batch.get()  # type: ignore[call-arg]  # pyright: ignore
    with pytest.raises(TypeError, match="instead of limit, give page_size or max_rows"):
        client.orchestration.run.iterate(workflow_uuid="u", limit=3)  # type: ignore[call-arg]  # pyright: ignore
    with pytest.raises(InvalidRequest, match=r"batch.create\(\): data: must be a JSON object") as no:
        client.orchestration.batch.create(data=3)  # type: ignore[arg-type]  # pyright: ignore
    assert no.value.details["errors"][0]["path"] == "data"


def test_a_refusal_has_its_kind_its_sentence_and_what_helps(signed_in: Settings) -> None:
    with Cargo.of(Settings("unknown", signed_in.base_url)) as client, pytest.raises(NotSignedIn) as no:
        client.workspace.token.list()
    assert (no.value.status, no.value.reason, no.value.fix) == (401, "unauthorized", "cargo-ai login --token TOKEN")
    assert no.value.request_id and isinstance(no.value, CargoError)
    again = pickle.loads(pickle.dumps(no.value))
    assert (type(again), again.reason, str(again)) == (NotSignedIn, "unauthorized", str(no.value))


def test_another_servers_reply_is_named_as_such() -> None:
    script = Script(httpx.Response(200, json={"hello": "world"}))
    with Cargo.of(Settings("t"), transport=script) as client, pytest.raises(UnexpectedReply, match="same version of client and server"):
        client.workspace.token.list()


def test_live_events_go_on_behind_the_last_one_when_the_stream_is_cut() -> None:
    first = httpx.Response(200, text='id: 1\ndata: {"type":"start"}\n\n')
    second = httpx.Response(200, text='id: 2\ndata: {"type":"finish"}\n\ndata: [DONE]\n\n')
    script = Script(first, second)
    with Cargo.of(Settings("t"), transport=script) as client:
        assert list(client.ai.message.stream("u")) == [{"type": "start"}, {"type": "finish"}]
    assert script.sent[1].headers["last-event-id"] == "1"


def test_the_token_does_not_go_with_a_signed_link() -> None:
    link = httpx.Response(200, json={"url": "http://elsewhere.test/file", "urls": []})
    script = Script(link, httpx.Response(200, text='{"a":1}\n{"a":2}'))
    with Cargo.of(Settings("secret"), transport=script) as client:
        assert list(client.storage.record.download(model_uuid="u").rows()) == [{"a": 1}, {"a": 2}]
    assert "authorization" not in script.sent[1].headers
    assert json.loads(script.sent[0].content)["format"] == "ndjson"


def test_the_package_itself_imports_nothing() -> None:
    code = "import cargo_ai, sys; assert not {'httpx', 'pydantic', 'cargo_ai.sdk'} & set(sys.modules); from cargo_ai import Cargo"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert (
        pyarrow.__name__
        not in subprocess.run(
            [sys.executable, "-c", "import cargo_ai.sdk, sys; print(*sys.modules)"], check=True, timeout=60, capture_output=True, text=True
        ).stdout.split()
    )
