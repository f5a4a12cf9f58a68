"""The Python clients against a real server on a port, and against connections that break."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.sdk import AsyncCargo, Cargo, NotSignedIn, Refused, Settings, Unfinished, Unreachable
from cargo_ai.sdk import exchange as exchange_module
from cargo_ai.server.api import app as application
from tests.kit.application import LiveServer, LiveThread, make_state
from tests.unit.server import example_operations


@pytest.fixture
def live(database_url: str, settings: object) -> Iterator[LiveServer]:
    """The garden on a port."""
    state = make_state(database_url, settings)  # type: ignore[arg-type]
    thread = LiveThread(state, application.build(state, example_operations.SERVED))
    yield thread.start()
    thread.stop()


@pytest.fixture
async def client(live: LiveServer) -> AsyncIterator[AsyncCargo]:
    """Signed in to the example_operations."""
    async with AsyncCargo.of(Settings(live.first_workspace.token, live.base_url, str(live.first_workspace.workspace_uuid))) as made:
        yield made


async def grow(live: LiveServer, uuid: str) -> None:
    """Let a plant end."""
    state = make_state(live.state.database.url, live.state.settings)
    async with state.database.session(live.first_workspace.workspace_uuid) as db:
        db.add(example_operations.entry(live.first_workspace.workspace_uuid, "grown", uuid))
        await db.execute(text("SELECT pg_notify('cargo_done', :uuid)"), {"uuid": uuid})
        await db.commit()
    await state.database.close()


async def test_a_call_is_typed_from_end_to_end(client: AsyncCargo) -> None:
    reply = await client.call(example_operations.create, example_operations.CreatePlant(name="rose", pot=example_operations.Pot(size=3)))
    assert reply.plant.name == "rose"


async def test_a_query_goes_in_brackets_and_comes_back(client: AsyncCargo) -> None:
    asked = example_operations.ListPlants(names=["a b", "c&d"], tall=True, filter={"size": {"min": "1"}})
    assert (await client.call(example_operations.listing, asked)).asked == asked


async def test_plain_text_and_path_fields_arrive(client: AsyncCargo) -> None:
    assert (await client.call(example_operations.reading, example_operations.Nothing())).text == "Once upon a time\n"
    uuid = str(ids.new())
    assert (await client.call(example_operations.remove, ByUuid(uuid=uuid))).uuid == uuid


async def test_a_refusal_is_raised_with_status_reason_and_sentence(client: AsyncCargo) -> None:
    with pytest.raises(Refused) as no:
        await client.call(example_operations.create, example_operations.CreatePlant(name="weed"))
    assert (no.value.status, no.value.reason, no.value.message) == (409, "nameTaken", "A weed grows here already.")


async def test_waiting_returns_the_final_reply(client: AsyncCargo, live: LiveServer) -> None:
    uuid = str(ids.new())
    waiting = asyncio.create_task(client.wait(example_operations.get, ByUuid(uuid=uuid)))
    await grow(live, uuid)
    async with asyncio.timeout(20):
        done = await waiting
    assert isinstance(done, example_operations.GrowthReply) and done.status == "grown"


async def test_a_wait_that_runs_out_says_so_and_keeps_the_last_reply(client: AsyncCargo) -> None:
    with pytest.raises(Unfinished) as late:
        await client.wait(example_operations.get, ByUuid(uuid=str(ids.new())), timeout=1)
    assert isinstance(late.value.last, example_operations.GrowthReply)


def test_the_synchronous_client_does_the_same(live: LiveServer) -> None:
    with Cargo.of(Settings(live.first_workspace.token, live.base_url)) as client:
        assert client.call(example_operations.create, example_operations.CreatePlant(name="rose")).plant.name == "rose"
        with pytest.raises(Refused, match="no such plant"):
            client.call(example_operations.get, ByUuid(uuid="none"))
        with pytest.raises(Unfinished):
            client.wait(example_operations.get, ByUuid(uuid=str(ids.new())), timeout=0.5)


class Flaky(httpx.BaseTransport):
    """A line that breaks: an exception is raised, a response given, in order."""

    def __init__(self, *script: Exception | httpx.Response) -> None:
        self.script = list(script)
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        reported = self.script.pop(0)
        if isinstance(reported, Exception):
            raise reported
        return reported


def planted() -> httpx.Response:
    return httpx.Response(200, json={"plant": {"uuid": "u", "name": "rose", "note": None}})


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts take no time."""
    monkeypatch.setattr(exchange_module, "FIRST_PAUSE_SECONDS", 0.0)


def test_a_write_is_repeated_after_a_lost_connection_under_one_key() -> None:
    line = Flaky(httpx.ReadError("gone"), httpx.Response(503, headers={"Retry-After": "0"}), planted())
    with Cargo.of(Settings("t"), transport=line) as client:
        client.call(example_operations.create, example_operations.CreatePlant(name="rose"))
    keys = {request.headers["idempotency-key"] for request in line.sent}
    assert (len(line.sent), len(keys)) == (3, 1)


def test_it_gives_up_after_four_attempts_with_what_it_met() -> None:
    with Cargo.of(Settings("t"), transport=Flaky(*[httpx.ConnectError("closed")] * 4)) as client, pytest.raises(Unreachable):
        client.call(example_operations.create, example_operations.CreatePlant(name="rose"))
    with Cargo.of(Settings("t"), transport=Flaky(*[httpx.Response(503, text="proxy")] * 4)) as client, pytest.raises(Refused) as no:
        client.call(example_operations.create, example_operations.CreatePlant(name="rose"))
    assert (no.value.status, no.value.reason) == (503, "requestFailed")


def test_a_refusal_is_not_repeated() -> None:
    line = Flaky(httpx.Response(404, json={"errorMessage": "No.", "reason": "plantNotFound", "requestId": "r", "fix": "x"}))
    with Cargo.of(Settings("t"), transport=line) as client, pytest.raises(Refused) as no:
        client.call(example_operations.get, ByUuid(uuid="a/b"))
    assert no.value.details == {"requestId": "r", "fix": "x"}
    assert line.sent[0].url.raw_path == b"/v1/garden/plants/a%2Fb"


def test_settings_come_from_the_environment_as_on_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CARGO_WORKSPACE_UUID", "CARGO_API_TOKEN", "CARGO_AI_PROFILE", "CARGO_AI_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARGO_API_URL", "http://example.test")
    with pytest.raises(NotSignedIn, match="not signed in") as no:
        Cargo()
    assert no.value.fix == "cargo-ai login --base-url http://example.test"
    saved = {"profiles": {"prod": {"baseUrl": "https://prod.test", "accessToken": "p", "workspaceUuid": "w"}}}
    (tmp_path / "cargo-ai").mkdir()
    (tmp_path / "cargo-ai/credentials.json").write_text(json.dumps(saved))
    assert settings_of(Cargo(profile="prod")) == ("https://prod.test", "p", "w")
    monkeypatch.setenv("CARGO_API_TOKEN", "t")
    assert settings_of(Cargo()) == ("http://example.test", "t", None)
    assert settings_of(Cargo(token="u", base_url="http://127.0.0.1:1/v1")) == ("http://127.0.0.1:1", "u", None)
    with pytest.raises(ValueError, match="not the URL of a server"):
        Cargo(base_url="example")


def settings_of(client: Cargo) -> tuple[str, str, str | None]:
    """Server, token and workspace of a client."""
    return client.settings.base_url, client.settings.token, client.settings.workspace_uuid


def test_the_sdk_needs_none_of_the_servers_libraries() -> None:
    code = (
        "import sys; import cargo_ai.sdk, cargo_ai.contract; cargo_ai.contract.load(); "
        "bad = {'sqlalchemy', 'starlette', 'cryptography', 'structlog', 'psycopg', 'uvicorn'} & set(sys.modules); "
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
