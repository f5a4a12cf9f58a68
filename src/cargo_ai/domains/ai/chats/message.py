"""Messages: send one, show and list them, cancel answers, remove what was said."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select, update

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import message as contract
from cargo_ai.contract.ai.chat import MessageStatus, MessageType
from cargo_ai.domains.ai.agents import language_model, parts
from cargo_ai.domains.ai.chats import chat as chats
from cargo_ai.domains.ai.chats import effective, sending
from cargo_ai.domains.ai.chats.answering import cancelling
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.domains.content import public as content
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid, Counted, JsonObject, Removed

MAX_ATTACHED = 60_000
"""Characters of the files of a message that a language model is sent."""


def to_response(row: Message) -> contract.Message:
    """The message on the wire."""
    given = parts.shown(row.given) if "mcpClients" in row.given else row.given
    return contract.Message(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        agent_uuid=None if row.agent_uuid is None else str(row.agent_uuid),
        release_uuid=None if row.release_uuid is None else str(row.release_uuid),
        chat_uuid=str(row.chat_uuid),
        user_uuid=None if row.user_uuid is None else str(row.user_uuid),
        status=cast("MessageStatus", row.status),
        error_message=row.error_message,
        type=cast("MessageType", row.type),
        parts=[_shown(part) for part in row.parts],
        actions=given.get("actions") or [],
        resources=given.get("resources") or [],
        capabilities=given.get("capabilities") or [],
        mcp_clients=given.get("mcpClients") or [],
        system_prompt=given.get("systemPrompt"),
        with_reasoning=given.get("withReasoning"),
        temperature=given.get("temperature"),
        max_steps=given.get("maxSteps"),
        integration_slug=given.get("integrationSlug"),
        connector_uuid=given.get("connectorUuid"),
        language_model_slug=given.get("languageModelSlug"),
        evaluated_tools={},
        usage=None if row.usage is None else contract.MessageUsage.model_validate(row.usage),
        output=given.get("output"),
        evaluation=row.evaluation if row.evaluation and "score" in row.evaluation else None,
        meta=_meta(row),
        suggested_actions=row.suggested_actions or [],
        temporal_workflow_id=str(row.uuid) if row.type == "assistant" else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        deleted_at=row.deleted_at,
    )


def _meta(row: Message) -> JsonObject | None:
    """What else is known: that no one wrote a message but the agent's heartbeat, or why an answer could not be judged."""
    if "heartbeat" in row.given:
        return {"heartbeat": row.given["heartbeat"]}
    if row.evaluation and "errorMessage" in row.evaluation:
        return {"evaluationErrorMessage": row.evaluation["errorMessage"]}
    return None


def _shown(part: JsonObject) -> JsonObject:
    """A part without the text that was read of its file, and without the note that others have written it."""
    hidden = "text" if part.get("type") == "s3File" else "isUntrusted"
    return {name: value for name, value in part.items() if name != hidden}


async def _read_files(preparation: Preparation, request: contract.CreateMessage) -> dict[int, str]:
    """The texts of the files that come with a message, by the place of their part."""
    texts, left = dict[int, str](), MAX_ATTACHED
    for place, part in enumerate(request.parts):
        if isinstance(part, contract.FilePart):
            workspace, name = preparation.who.workspace_uuid, part.name
            try:
                text = await content.read_attachment(preparation.services.files, workspace, part.s3_filename, name, max(left, 1))
            except content.NotAttached as error:
                contract.create.refuse("fileNotReadable", cause=error)
            left -= len(text)
            texts[place] = text
    return texts


@handles(contract.create, before=_read_files)
async def create(ctx: Context, request: contract.CreateMessage) -> contract.SentReply:
    """Store the message and an empty answer, and the job that writes it, in one transaction."""
    if request.chat_uuid is not None:
        chat = await chats.chat_or_refuse(ctx, contract.create, request.chat_uuid, locked=True)
        last = await ctx.db.scalar(select(Message.status).where(Message.uuid == chat.last_message_uuid))
        if last in chats.UNFINISHED:
            fix = f"cargo-ai ai message get {chat.last_message_uuid}"
            contract.create.refuse("lastMessageNotFinished", uuid=chat.last_message_uuid, fix=fix)
    else:
        trigger: JsonObject = {"type": "chat", "uuid": str(ids.new()), "agentUuid": request.agent_uuid, "messageUuid": None}
        chat = await chats.begin(ctx, contract.create, request.agent_uuid, request.release_uuid, trigger)
    given = parts.given(request, ctx.secrets, {})
    try:
        release = await effective.release_of_chat(ctx.db, chat)
        given = await language_model.agreeing(ctx.db, given, {} if release is None else release.parts)
        plan = effective.plan(None if release is None else release.parts, given)
        if not plan.integration_slug:
            choice = await language_model.default(ctx)
            given |= {"integrationSlug": choice.integration_slug}
            given.setdefault("languageModelSlug", choice.language_model_slug)
    except effective.NothingAnswers as error:
        contract.create.refuse("releaseNotFound", cause=error, fix=error.fix)
    # The heartbeats begin again after the answer.
    chat.heartbeat_at, chat.heartbeats_count = None, 0
    texts = cast("dict[int, str]", ctx.prepared or {})
    said = [part.to_wire() | ({"text": texts[place]} if place in texts else {}) for place, part in enumerate(request.parts)]
    sent, answer = await sending.send(ctx.db, chat, ctx.who.user_uuid, said, given, None if release is None else release.uuid)
    return contract.SentReply(user_message=to_response(sent), assistant_message=to_response(answer))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.MessageReply:
    """One message."""
    row = await ctx.db.scalar(select(Message).where(Message.uuid == ids.parse(request.uuid), Message.deleted_at.is_(None)))
    row = found_or_refuse(contract.get, row, "messageNotFound", uuid=request.uuid)
    return contract.MessageReply(message=to_response(row))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListMessages) -> contract.MessagesReply:
    """The messages of a chat, the oldest first."""
    row = await chats.chat_or_refuse(ctx, contract.list_, request.chat_uuid)
    query = select(Message).where(Message.chat_uuid == row.uuid, Message.deleted_at.is_(None)).order_by(Message.uuid)
    rows = await ctx.db.scalars(query.limit(request.limit).offset(request.offset))
    return contract.MessagesReply(messages=[to_response(row) for row in rows])


@handles(contract.cancel)
async def cancel(ctx: Context, request: contract.CancelMessages) -> Counted:
    """Cancel answers: those that no process writes yet at once, the others when the process that writes them hears of it."""
    uuids = [uid for uid in map(ids.parse, request.uuids) if uid is not None]
    return Counted(count=await cancelling.cancel(ctx.db, ctx.workspace, uuids))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove a message of a user and all that came after it; the chat goes on from before it."""
    row = await ctx.db.scalar(select(Message).where(Message.uuid == ids.parse(request.uuid), Message.deleted_at.is_(None)))
    row = found_or_refuse(contract.remove, row, "messageNotFound", uuid=request.uuid)
    if row.type != "user":
        contract.remove.refuse("messageNotUser", uuid=request.uuid)
    chat = await ctx.db.scalar(select(Chat).where(Chat.uuid == row.chat_uuid).with_for_update())
    later = [Message.chat_uuid == row.chat_uuid, Message.uuid >= row.uuid, Message.deleted_at.is_(None)]
    await cancelling.cancel(ctx.db, ctx.workspace, list(await ctx.db.scalars(select(Message.uuid).where(*later))))
    await ctx.db.execute(update(Message).where(*later).values(deleted_at=clock.now()))
    if chat is not None:
        before = select(Message.uuid).where(Message.chat_uuid == row.chat_uuid, Message.uuid < row.uuid, Message.deleted_at.is_(None))
        chat.last_message_uuid = await ctx.db.scalar(before.order_by(Message.uuid.desc()).limit(1))
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
