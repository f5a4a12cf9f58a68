"""Votes: store what a user thinks of an answer, and list what users think of those of a chat."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import vote as contract
from cargo_ai.domains.ai.chats import chat as chats
from cargo_ai.domains.ai.tables import Message, Vote
from cargo_ai.kernel import clock, ids


def _to_response(row: Vote) -> contract.Vote:
    return contract.Vote(
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        chat_uuid=str(row.chat_uuid),
        message_uuid=str(row.message_uuid),
        is_upvoted=row.is_upvoted,
        updated_at=row.updated_at,
    )


@handles(contract.upsert)
async def upsert(ctx: Context, request: contract.UpsertVote) -> contract.VoteReply:
    """Store the caller's vote, in place of an earlier one."""
    chat = await chats.chat_or_refuse(ctx, contract.upsert, request.chat_uuid)
    message = await ctx.db.scalar(
        select(Message).where(Message.uuid == ids.parse(request.message_uuid), Message.chat_uuid == chat.uuid, Message.deleted_at.is_(None))
    )
    fix = f"cargo-ai ai message list --chat-uuid {chat.uuid}"
    message = found_or_refuse(contract.upsert, message, "messageNotFound", uuid=request.message_uuid, chat=chat.uuid, fix=fix)
    if message.type != "assistant":
        contract.upsert.refuse("messageNotAssistant", uuid=message.uuid, fix=fix)
    values = {
        "message_uuid": message.uuid,
        "user_uuid": ctx.who.user_uuid,
        "workspace_uuid": ctx.workspace,
        "chat_uuid": chat.uuid,
        "is_upvoted": request.is_upvoted,
        "updated_at": clock.now(),
    }
    change = insert(Vote).values(values)
    latest = {name: change.excluded[name] for name in ("is_upvoted", "updated_at")}
    await ctx.db.execute(change.on_conflict_do_update(index_elements=["message_uuid", "user_uuid"], set_=latest))
    return contract.VoteReply(vote=_to_response(Vote(**values)))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListVotes) -> contract.VotesReply:
    """The votes about the answers of a chat that are still there."""
    chat = await chats.chat_or_refuse(ctx, contract.list_, request.chat_uuid)
    query = (
        select(Vote)
        .join(Message, Message.uuid == Vote.message_uuid)
        .where(Vote.chat_uuid == chat.uuid, Message.deleted_at.is_(None))
        .order_by(Vote.message_uuid, Vote.user_uuid)
    )
    rows = await ctx.db.scalars(query.limit(request.limit).offset(request.offset))
    return contract.VotesReply(votes=[_to_response(row) for row in rows])
