"""Language models on this machine: the servers Ollama, vLLM, llama.cpp and LM Studio, looked for where a workspace has none connected."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from cargo_ai.context.process import Services
from cargo_ai.kernel import clock
from cargo_ai.kernel.schemas import json_limits
from cargo_ai.kernel.schemas.json_limits import MAX_DEPTH
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.outbound.addresses import VARIABLE, AllowList
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.url import parse_url

HOST = "127.0.0.1"
SECONDS = 0.5
"""For the whole look: all servers are asked at once."""
KEPT_SECONDS = 30.0
MAX_BYTES, MAX_ITEMS = 256 * 1024, 20_000
MAX_SHOWN = 3

# What a server calls its models goes into a command that people copy.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}\Z")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server of language models and where it usually is. path: lists its models."""

    name: str
    slug: str
    port: int
    path: str = "/v1/models"

    @property
    def allowed_by(self) -> str:
        """The entry of the operator's list that allows its address."""
        return f"{HOST}:{self.port}"


SERVERS = (
    LocalServer("Ollama", "ollama", 11434, "/api/tags"),
    LocalServer("vLLM", "vllm", 8000),
    LocalServer("llama.cpp", "llamacpp", 8080),
    LocalServer("LM Studio", "lmstudio", 1234),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers, with the models that it names."""

    server: LocalServer
    models: Sequence[str]

    @property
    def sentence(self) -> str:
        """That it is there, and the command that connects it."""
        server = self.server
        config = json.dumps({"method": "none", "baseUrl": f"http://{HOST}:{server.port}/v1"}, separators=(",", ":"))
        words = ["--integration-slug", "openAiCompatible", "--slug", server.slug, "--name", server.name, "--config", config]
        sentence = f"{server.name} answers at {server.allowed_by}: `cargo-ai connection connector create {shlex.join(words)}`"
        if not self.models:
            return f"{sentence}; it names no model yet."
        return f"{sentence}, and name one of its models by --language-model-slug: {', '.join(self.models[:MAX_SHOWN])}."


class LocalServers:
    """Looks for servers of language models, where workflows may call them; one per process, which remembers what it saw for a moment."""

    def __init__(self, services: Services, servers: Sequence[LocalServer] = SERVERS) -> None:
        self._client, self._servers = services.client, servers
        allowed, address = AllowList.of(services.settings), ipaddress.ip_address(HOST)
        self._allowed = [server for server in servers if allowed.permits(HOST, address, server.port)]
        self._looking = asyncio.Lock()
        self._running: list[Running] = []
        self._until = 0.0

    async def sentence(self) -> str:
        """How to connect what runs here; where nothing is seen, how the operator lets workflows call it; empty where they may already."""
        async with self._looking:
            if clock.seconds() >= self._until:
                self._running = await self._look()
                self._until = clock.seconds() + KEPT_SECONDS
        if self._running:
            return " ".join(running.sentence for running in self._running)
        closed = [server for server in self._servers if server not in self._allowed]
        if not closed:
            return ""
        entries = ", ".join(f"{server.allowed_by} for {server.name}" for server in closed)
        return f"One on the server's own machine may be called where the operator lists its address in {VARIABLE}: {entries}."

    async def _look(self) -> list[Running]:
        seen = await asyncio.gather(*(self._ask(server) for server in self._allowed))
        return [running for running in seen if running is not None]

    async def _ask(self, server: LocalServer) -> Running | None:
        """The server, where it answers as such a server does."""
        url = parse_url(f"http://{HOST}:{server.port}{server.path}")
        request = OutboundRequest("GET", url, (("accept", b"application/json"),), seconds=SECONDS)
        try:
            response = await send(self._client, request, most_bytes=MAX_BYTES)
        except (ExchangeFailed, OutboundRefused):
            return None
        models = _models(response.body) if response.status == 200 else None
        return None if models is None else Running(server, models)


def _models(body: bytes) -> list[str] | None:
    """The models of an answer, Ollama's or OpenAI's, without those that only embed; None where it lists none."""
    shape = json_limits.measure(body)
    if shape.items > MAX_ITEMS or shape.depth > MAX_DEPTH:
        return None
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    document = cast("JsonObject", answer)
    listed, field = (document["data"], "id") if "data" in document else (document.get("models"), "name")
    if not isinstance(listed, list):
        return None
    names = [cast("JsonObject", entry).get(field) for entry in cast("list[object]", listed) if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and _PLAIN.match(name) and "embed" not in name.lower()]
