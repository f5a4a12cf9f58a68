"""Watching answers: server-sent events over real HTTP, from an API process that is not the one that took the message."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest
import pytest_asyncio
import uvicorn

from cargo_ai.domains.ai.live.feeds import Feed
from cargo_ai.domains.ai.live.notes import Piece
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import app as application
from cargo_ai.server.routes import message_stream
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.application import make_state
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = "Acme makes anvils, and has done so for a hundred years, as far as anyone knows. "


@dataclass
class Heard:
    """The events of a stream."""

    ids: list[str] = field(default_factory=list[str])
    events: list[Body] = field(default_factory=list[Body])
    done: bool = False

    @property
    def text(self) -> str:
        return "".join(event["delta"] for event in self.events if event["type"] == "text-delta")

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watching(backend: Backend) -> AsyncIterator[str]:
    """A second API process on the same database, as far as its state goes: its address."""
    state = replace(make_state(backend.state.database.url, backend.state.settings), secrets=backend.state.secrets)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application.build(state), log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    state.signals.release()
    server.should_exit = True
    await serving


@asynccontextmanager
async def _open(base: str, api: ApiClient, answer: str, last: str = "") -> AsyncGenerator[httpx.Response]:
    headers = {"Authorization": api.http.headers["Authorization"], **({"Last-Event-ID": last} if last else {})}
    async with (
        httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http,
        http.stream("GET", f"/v1/ai/messages/{answer}/stream") as response,
    ):
        yield response


async def _listen(base: str, api: ApiClient, answer: str, *, heard: Heard | None = None, most: int = 10_000) -> Heard:
    """What a stream says, to its end or until there are `most` events; with `heard`, what it says behind that."""
    heard = heard or Heard()
    async with _open(base, api, answer, heard.ids[-1] if heard.ids else "") as response:
        assert response.status_code == 200 and response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                heard.ids.append(line[4:])
            elif line == "data: [DONE]":
                heard.done = True
            elif line.startswith("data: "):
                heard.events.append(json.loads(line[6:]))
                if len(heard.events) >= most:
                    break
    return heard


async def _ask(api: ApiClient, agent: str, text: str) -> str:
    sent = await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": text}])
    return str(sent["assistantMessage"]["uuid"])


@pytest.mark.parametrize(("integration", "slug"), [("openAi", "gpt-4.1-mini"), ("anthropic", "claude-sonnet-5")])
async def test_words_come_as_they_are_written(api: ApiClient, watching: str, model: Running, integration: str, slug: str) -> None:
    agent = await new_agent(api, integrationSlug=integration, languageModelSlug=slug)
    model.control.fail(path="completions|messages", slow=1.5)
    answer = await _ask(api, agent, LONG)
    heard = await _listen(watching, api, answer)
    message = await ended(api, answer)
    assert heard.done and heard.text == said(message) == f"You said: {LONG}"
    assert heard.kinds.count("text-delta") >= 3, heard.kinds
    assert heard.kinds[:2] == ["start", "start-step"] and heard.kinds[-2:] == ["finish-step", "finish"]
    assert heard.events[-1]["messageMetadata"]["status"] == "success"
    assert heard.events[-1]["messageMetadata"]["usage"]["tokensUsedCount"] == message["usage"]["tokensUsedCount"] > 0


async def test_a_reader_that_comes_back_gets_the_rest(api: ApiClient, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.fail(path="completions", slow=2.0)
    answer = await _ask(api, agent, LONG * 3)
    heard = await _listen(watching, api, answer, most=5)
    late = asyncio.create_task(_listen(watching, api, answer))
    heard = await _listen(watching, api, answer, heard=heard, most=8)
    heard = await _listen(watching, api, answer, heard=heard)
    assert heard.text == (await late).text == f"You said: {LONG * 3}"
    assert heard.kinds.count("text-start") == 1 and heard.done
    async with _open(watching, api, answer, heard.ids[-1]) as response:
        assert response.status_code == 204
    assert (await _listen(watching, api, answer)).text == heard.text


async def test_calls_are_shown_when_they_begin_and_when_they_end(api: ApiClient, watching: str, model: Running) -> None:
    tool = await api.tool()
    nodes: list[Body] = [{"uuid": "a", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": [None]}]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=nodes, formFields=[])
    actions = [{"slug": "look", "kind": "tool", "toolUuid": tool["uuid"]}]
    agent = await new_agent(api, actions=actions, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")

    def rule(heard: Said) -> Reply:
        return Reply("Done.") if heard.results else Reply("I look.", calls=[("look", {})])

    model.control.rules.append(rule)
    heard = await _listen(watching, api, await _ask(api, agent, "Go"))
    tools = [event for event in heard.events if event["type"].startswith("tool-")]
    assert [event["type"] for event in tools] == ["tool-input-available", "tool-output-available"]
    assert tools[0]["toolName"] == "look" and heard.text == "I look.Done." and heard.kinds.count("start-step") == 2


async def test_a_step_that_breaks_off_begins_again(api: ApiClient, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.fail(path="completions", cut=True)
    model.control.fail(path="completions", slow=1.0)
    heard = await _listen(watching, api, await _ask(api, agent, LONG * 2))
    restarted = heard.kinds.index("data-step-restarted") if "data-step-restarted" in heard.kinds else 0
    text = "".join(event["delta"] for event in heard.events[restarted:] if event["type"] == "text-delta")
    assert text == f"You said: {LONG * 2}" and heard.events[-1]["messageMetadata"]["status"] == "success"


async def test_a_cancelled_answer_keeps_what_was_written(api: ApiClient, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.fail(path="completions", slow=12.0)
    answer = await _ask(api, agent, LONG * 3)
    heard = await _listen(watching, api, answer, most=4)
    await api.call("ai.message.cancel", uuids=[answer])
    heard = await _listen(watching, api, answer, heard=heard)
    message = await ended(api, answer)
    assert heard.kinds[-2:] == ["abort", "finish"] and message["status"] == "cancelled"
    assert said(message).startswith(heard.text) and heard.text.startswith("You said: ")


async def test_a_service_that_knows_no_streams_is_asked_for_whole_steps(api: ApiClient, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.fail(path="completions", holding='"stream"', status=400, body={"error": {"message": "stream is not supported"}})
    heard = await _listen(watching, api, await _ask(api, agent, "Hello"))
    assert heard.text == "You said: Hello"


async def test_errors_end_a_stream(api: ApiClient, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.keys.clear()
    heard = await _listen(watching, api, await _ask(api, agent, "Hello"))
    assert heard.kinds[-2:] == ["error", "finish"] and "does not accept the key" in heard.events[-2]["errorText"]


async def test_a_silent_stream_has_a_heartbeat(api: ApiClient, watching: str, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_stream, "HEARTBEAT_SECONDS", 0.05)
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    model.control.fail(path="completions", delay=1.0)
    async with _open(watching, api, await _ask(api, agent, "Hello")) as response:
        lines = [line async for line in response.aiter_lines()]
    assert lines.count(": alive") >= 2


async def test_streams_belong_to_a_workspace(api: ApiClient, backend: Backend, watching: str, model: Running) -> None:
    agent = await new_agent(api, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    answer = await _ask(api, agent, "Hello")
    async with _open(watching, backend.other_api, answer) as response:
        assert (response.status_code, json.loads(await response.aread())["reason"]) == (404, "messageNotFound")
    async with _open(watching, api, answer, "nonsense") as response:
        assert (response.status_code, json.loads(await response.aread())["reason"]) == (400, "invalidInput")
    await ended(api, answer)


async def test_so_many_streams_of_a_token_and_no_more(api: ApiClient, backend: Backend, model: Running) -> None:
    settings = replace(backend.state.settings, environment={**backend.state.settings.environment, "CARGO_AI_MAX_STREAMS_AT_ONCE": "4"})
    streams = message_stream.Streams(replace(backend.state, settings=settings))
    token = api.http.headers["Authorization"].removeprefix("Bearer ")
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        caller = await public.authenticate(db, token)
    assert caller is not None
    with streams.count(caller), streams.count(caller):
        with pytest.raises(Refusal) as refused, streams.count(caller):
            pass
        assert refused.value.status == 429
    with streams.count(caller):
        pass


async def test_a_lost_note_is_asked_for_again() -> None:
    feed = Feed(ids.new(), ids.new())
    feed.uncertain = False
    feed.take(Piece(str(feed.message), 0, "a", "text", 0, "Hello"))
    feed.take(Piece(str(feed.message), 0, "a", "text", 10, "world"))
    assert feed.uncertain and feed.snapshot.partial.text == "Hello"
    feed.take(Piece(str(feed.message), 0, "a", "text", 0, "Hello my world"))
    assert feed.snapshot.partial.text == "Hello my world"
