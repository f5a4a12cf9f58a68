"""MCP clients of agents: open the servers that a release names, and offer their tools under names of their own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.process import Services
from cargo_ai.contract.ai import mcp_client as contract
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.ai.chats.untrusted import untrusted
from cargo_ai.domains.ai.mcp.foreign import Foreign, ForeignFailed, ForeignTool
from cargo_ai.domains.connection import public as connection
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool
from cargo_ai.outbound.url import InvalidUrl, parse_url
from cargo_ai.store.tables import IdempotencyKey

MAX_AT_ONCE = 8
_TEXTS = frozenset({"description", "title", "$comment"})
_VALUES = frozenset({"default", "const", "enum", "examples"})
"""Of a schema: what is written for readers, and what has to stay as it is."""

Json = Any


def _of_address(services: Services, workspace: uuid.UUID, name: str, url: str, token: str | None) -> Foreign:
    try:
        address = parse_url(url)
    except InvalidUrl as error:
        raise ForeignFailed(f"{name}: the url {error}.") from None
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Foreign(services, workspace, name, address, headers, (token,) if token else ())


async def _of_connector(services: Services, workspace: uuid.UUID, client: Mapping[str, Any]) -> Foreign:
    name = str(client["name"])
    try:
        target, secrets = await connection.mcp_target(services, workspace, str(client["connectorUuid"]), str(client["integrationSlug"]))
    except (connection.NotConnected, InvalidConfig, WrongKey) as error:
        raise ForeignFailed(f"{name}: {error}") from None
    if target.query:
        raise ForeignFailed(f"{name}: a key in the query of an address is not supported for MCP; put it into a header.")
    return Foreign(services, workspace, name, target.url, {key.lower(): value for key, value in target.headers.items()}, secrets)


async def _open(services: Services, workspace: uuid.UUID, client: Mapping[str, Any]) -> Foreign:
    """The server of a client as it is stored: its token is sealed."""
    if client["kind"] == "connector":
        return await _of_connector(services, workspace, client)
    authentication = cast("Mapping[str, Any]", client.get("authentication") or {})
    sealed = authentication.get("accessToken")
    token = services.secrets.open(base64.b64decode(str(sealed))).decode() if sealed else None
    return _of_address(services, workspace, str(client["name"]), str(client["url"]), token)


async def _tools_of(foreign: Foreign, client: Mapping[str, Any]) -> tuple[list[ForeignTool], list[str]]:
    tools, problems = await foreign.tools()
    disabled = set(cast("list[str]", client.get("disabledToolSlugs") or []))
    return [tool for tool in tools if tool.name not in disabled], problems


async def offer(opening: Opening, db: AsyncSession) -> Offer:
    """The tools of the servers that the release names. One that does not answer is noted, and the agent goes on without it."""
    clients = opening.plan.mcp_clients
    if not clients:
        return Offer()
    await db.rollback()
    gate = asyncio.Semaphore(MAX_AT_ONCE)
    offers = await asyncio.gather(*(_offer_of(opening, client, gate) for client in clients))
    return Offer([tool for each in offers for tool in each.tools], problems=[problem for each in offers for problem in each.problems])


async def _offer_of(opening: Opening, client: Mapping[str, Any], gate: asyncio.Semaphore) -> Offer:
    async with gate:
        try:
            foreign = await _open(opening.services, opening.workspace, client)
            tools, problems = await _tools_of(foreign, client)
        except (ForeignFailed, WrongKey) as error:
            return Offer(problems=[f"The MCP server {client['name']} cannot be used now: {untrusted(str(error))}"])
    built_in = [_built_in(opening, foreign, tool, approval=bool(client.get("requiresApproval"))) for tool in tools]
    return Offer(built_in, problems=[untrusted(problem) for problem in problems])


def _built_in(opening: Opening, foreign: Foreign, tool: ForeignTool, *, approval: bool) -> BuiltIn:
    description = f"Of the MCP server {foreign.name[:80]}, in its words: {untrusted(tool.description[:800])}"
    hint = "deletes" if tool.deletes else "reads" if tool.reads else "writes"
    offered = Tool(f"{foreign.name}_{tool.name}", description, _marked(tool.schema))
    return BuiltIn(offered, partial(_perform, opening, foreign, tool), hint, approval, is_open=True)


def _marked(schema: Json) -> Json:
    """A schema whose texts for readers are marked as data, as those of the tool are."""
    if isinstance(schema, list):
        return [_marked(entry) for entry in cast("list[Json]", schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        key: untrusted(value) if key in _TEXTS and isinstance(value, str) else value if key in _VALUES else _marked(value)
        for key, value in cast("JsonObject", schema).items()
    }


async def _perform(opening: Opening, foreign: Foreign, tool: ForeignTool, arguments: JsonObject, key: str) -> Given:
    if not tool.reads and not await _is_first(opening, key):
        sentence = "The call was made before this server was restarted, and its outcome is not known. Look before you repeat it."
        return Given({"error": sentence, "reason": "outcomeUnknown"}, failed=True)
    try:
        result, failed = await foreign.call(tool.name, arguments, key)
    except ForeignFailed as error:
        return Given({"error": str(error)}, failed=True)
    return Given({"error": result} if failed else result, failed=failed)


async def _is_first(opening: Opening, key: str) -> bool:
    """Whether the call is made for the first time; noted before it is made, since servers of others know no keys."""
    digest = hashlib.sha256(f"{opening.message}:{key}".encode()).hexdigest()
    row = insert(IdempotencyKey).values(token_uuid=opening.chat, key=digest, request_hash="mcp", reply=None, at=clock.now())
    async with opening.services.database.session(opening.workspace) as db:
        taken = (await db.execute(row.on_conflict_do_nothing().returning(IdempotencyKey.key))).first()
        await db.commit()
    return taken is not None


async def _connect(preparation: Preparation, request: contract.ConnectMcpClient) -> tuple[list[ForeignTool], list[str]]:
    """Ask a server for its tools, and what is wrong with others, before the request's transaction."""
    services, workspace = preparation.services, preparation.who.workspace_uuid
    client: JsonObject = (
        request.mcp_client.to_wire() if request.mcp_client is not None else {"kind": "custom", "name": request.name or "mcp"}
    )
    try:
        if client["kind"] == "connector":
            foreign = await _of_connector(services, workspace, client)
        else:
            url = client.get("url") or request.url
            if not url:
                raise invalid_input([{"path": "url", "message": "is required: the address of the MCP server"}])
            token = cast("JsonObject", client.get("authentication") or {}).get("accessToken") or request.token
            foreign = _of_address(services, workspace, str(client["name"]), str(url), token)
        return await _tools_of(foreign, client)
    except ForeignFailed as error:
        contract.connect.refuse("failedToConnectMcpClient", cause=error)


@handles(contract.connect, before=_connect)
async def connect(ctx: Context, _request: contract.ConnectMcpClient) -> contract.McpToolsReply:
    """The tools that a server has now, without those that are disabled; a warning names each that cannot be used."""
    tools, problems = cast("tuple[list[ForeignTool], list[str]]", ctx.prepared)
    for problem in problems:
        ctx.warn(problem)
    return contract.McpToolsReply(
        tools=[
            contract.McpTool(slug=tool.name, description=tool.description, config=contract.McpToolConfig(json_schema=tool.schema))
            for tool in tools
        ]
    )
