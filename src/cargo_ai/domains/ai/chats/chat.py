"""Chats: begin, list, rename and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import chat as contract
from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.chats import effective
from cargo_ai.domains.ai.chats.answering import cancelling
from cargo_ai.domains.ai.tables import AgentRelease, Chat, Message
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed

LIST = "cargo-ai ai chat list"
UNFINISHED = ("pending", "generating", "cancelling")


async def to_responses(ctx: Context, rows: Sequence[Chat]) -> list[contract.Chat]:
    """Chats on the wire, in the order of the rows; their last messages are read in one statement."""
    uuids = [row.last_message_uuid for row in rows if row.last_message_uuid is not None]
    last = {row.uuid: row for row in await ctx.db.scalars(select(Message).where(Message.uuid.in_(uuids)))} if uuids else {}
    releases = await effective.parts_of_chats(ctx.db, rows, ("heartbeat", "evaluator"))
    return [
        _to_response(row, last.get(row.last_message_uuid) if row.last_message_uuid is not None else None, releases.get(row.uuid, {}))
        for row in rows
    ]


def _to_response(row: Chat, last: Message | None, parts: Mapping[str, Any]) -> contract.Chat:
    return contract.Chat(
        uuid=str(row.uuid),
        slug=str(row.uuid),
        trace_uuid=str(row.trace_uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=_text(row.user_uuid),
        agent_uuid=_text(row.agent_uuid),
        release_uuid=_text(row.release_uuid),
        name=row.name,
        trigger=row.trigger,
        heartbeat=parts.get("heartbeat"),
        evaluator=parts.get("evaluator"),
        active_stream_uuid=None,
        credits_used_count=0,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        last_message=None if last is None else _last(last),
    )


def _last(row: Message) -> contract.LastMessage:
    return contract.LastMessage(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        agent_uuid=_text(row.agent_uuid),
        release_uuid=_text(row.release_uuid),
        chat_uuid=str(row.chat_uuid),
        user_uuid=_text(row.user_uuid),
        status=cast("contract.MessageStatus", row.status),
        error_message=row.error_message,
        type=cast("contract.MessageType", row.type),
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        deleted_at=row.deleted_at,
    )


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


async def begin(ctx: Context, operation: Operation[Any, Any, Any], agent: str | None, release: str | None, trigger: JsonObject) -> Chat:
    """A new chat. Raises Refusal (`agentNotFound`, `releaseNotFound`)."""
    agent_uuid = None if agent is None else (await lookup.agent_or_refuse(ctx, operation, agent)).uuid
    release_uuid = None
    if release is not None:
        row = await ctx.db.scalar(select(AgentRelease).where(AgentRelease.uuid == ids.parse(release)))
        if row is None or agent_uuid not in (None, row.agent_uuid):
            cause = f"there is no release {release} of this agent."
            operation.refuse("releaseNotFound", uuid=release, cause=cause, fix="cargo-ai ai release list")
        agent_uuid, release_uuid = row.agent_uuid, row.uuid
    chat = Chat(
        uuid=(uid := ids.new()),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        agent_uuid=agent_uuid,
        release_uuid=release_uuid,
        trigger=trigger,
        trace_uuid=uid,
    )
    ctx.db.add(chat)
    await ctx.db.flush()
    return chat


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateChat) -> contract.ChatReply:
    """Begin a chat."""
    row = await begin(ctx, contract.create, request.agent_uuid, request.release_uuid, request.trigger.to_wire())
    row.name = request.name
    await ctx.db.flush()
    return contract.ChatReply(chat=(await to_responses(ctx, [row]))[0])


async def chat_or_refuse(ctx: Context, operation: Operation[Any, Any, Any], text: str, *, locked: bool = False) -> Chat:
    """The chat that a request names. Raises Refusal (`chatNotFound`)."""
    query = select(Chat).where(Chat.uuid == ids.parse(text), Chat.deleted_at.is_(None))
    row = await ctx.db.scalar(query.with_for_update() if locked else query)
    return found_or_refuse(operation, row, "chatNotFound", uuid=text, fix=LIST)


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ChatReply:
    """One chat."""
    row = await chat_or_refuse(ctx, contract.get, request.uuid)
    return contract.ChatReply(chat=(await to_responses(ctx, [row]))[0])


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListChats) -> contract.ChatsReply:
    """Chats that match, the newest first."""
    query = select(Chat).where(Chat.deleted_at.is_(None))
    for column, value in (
        (Chat.agent_uuid, request.agent_uuid),
        (Chat.release_uuid, request.release_uuid),
        (Chat.user_uuid, request.user_uuid),
    ):
        if value is not None:
            query = query.where(column == ids.parse(value))
    if request.trigger_type is not None:
        query = query.where(Chat.trigger["type"].as_string() == request.trigger_type)
    if request.name is not None:
        query = query.where(Chat.name.icontains(request.name, autoescape=True))
    if request.created_after is not None:
        query = query.where(Chat.created_at >= request.created_after)
    if request.created_before is not None:
        query = query.where(Chat.created_at < request.created_before)
    if request.message_statuses is not None:
        query = query.join(Message, Message.uuid == Chat.last_message_uuid).where(Message.status.in_(request.message_statuses))
    rows = list(await ctx.db.scalars(query.order_by(Chat.uuid.desc()).limit(request.limit).offset(request.offset)))
    return contract.ChatsReply(chats=await to_responses(ctx, rows))


@handles(contract.update)
async def update_(ctx: Context, request: contract.UpdateChat) -> contract.ChatReply:
    """Rename a chat."""
    row = await chat_or_refuse(ctx, contract.update, request.uuid, locked=True)
    if "name" in request.model_fields_set:
        row.name = request.name
    await ctx.db.flush()
    return contract.ChatReply(chat=(await to_responses(ctx, [row]))[0])


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove a chat; what is being written in it is cancelled."""
    row = await chat_or_refuse(ctx, contract.remove, request.uuid, locked=True)
    unfinished = select(Message.uuid).where(Message.chat_uuid == row.uuid, Message.status.in_(UNFINISHED))
    await cancelling.cancel(ctx.db, ctx.workspace, list(await ctx.db.scalars(unfinished)))
    row.deleted_at = clock.now()
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
