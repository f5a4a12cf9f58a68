"""Sessions: keep and list what coding agents did for users."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace.members import session as contract
from cargo_ai.domains.workspace.tables import AgentSession
from cargo_ai.kernel import clock, ids

MAX = 100_000


def to_response(row: AgentSession) -> contract.Session:
    """The session on the wire."""
    return contract.Session(
        uuid=str(row.uuid),
        session_id=row.session_id,
        user_uuid=str(row.user_uuid),
        workspace_uuid=str(row.workspace_uuid),
        title=row.title,
        summary=row.summary,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


@handles(contract.upsert)
async def upsert(ctx: Context, request: contract.UpsertSession) -> contract.SessionReply:
    """Create the session with this id, or change it. Of two first mentions at once, the later one changes what the other created."""
    now = clock.now()
    finished_at = now if request.finished and request.finished_at is None else request.finished_at
    named = AgentSession.session_id == request.session_id
    row = await ctx.db.scalar(select(AgentSession).where(named).with_for_update())
    if row is None:
        if (await ctx.db.scalar(select(func.count()).select_from(AgentSession)) or 0) >= MAX:
            contract.upsert.refuse("tooManySessions", most=MAX)
        new = insert(AgentSession).values(
            uuid=ids.new(),
            workspace_uuid=ctx.workspace,
            user_uuid=ctx.who.user_uuid,
            session_id=request.session_id,
            title=request.title,
            summary=request.summary,
            created_at=now,
            updated_at=now,
        )
        await ctx.db.execute(new.on_conflict_do_nothing())
        row = (await ctx.db.scalars(select(AgentSession).where(named).with_for_update())).one()
    if row.user_uuid != ctx.who.user_uuid:
        contract.upsert.refuse("alreadyOfAnotherUser", session=request.session_id)
    row.title, row.summary = request.title, request.summary
    if request.finished or "finished_at" in request.model_fields_set:
        row.finished_at = finished_at
    await ctx.db.flush()
    return contract.SessionReply(session=to_response(row))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListSessions) -> contract.SessionsReply:
    """A page of the sessions."""
    rows = await ctx.db.scalars(select(AgentSession).order_by(AgentSession.uuid.desc()).limit(request.limit).offset(request.offset))
    return contract.SessionsReply(sessions=[to_response(row) for row in rows])
