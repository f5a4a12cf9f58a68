"""Reviews: list, show, approve and reject them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Text, cast, false, func, select
from sqlalchemy.dialects.postgresql import JSONB

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration import review as contract
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import review_decide, review_link, review_rows
from cargo_ai.domains.orchestration.reviews.review_decide import Decision
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.email.email_address import InvalidAddress, parse_address
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import ByUuid


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListReviews) -> contract.ReviewsReply:
    """Reviews, newest first."""
    where = _conditions(request)
    query = review_rows.query().where(*where).order_by(Review.uuid.desc()).limit(request.limit).offset(request.offset)
    reviews = [review_rows.to_response(row, status) for row, status in await ctx.db.execute(query)]
    count = await ctx.db.scalar(select(func.count()).select_from(Review).where(*where))
    return contract.ReviewsReply(reviews=reviews, count=int(count or 0))


def _conditions(request: contract.ListReviews) -> list[Any]:
    where: list[Any] = []
    if request.statuses is not None:
        where.append(review_rows.status.in_(request.statuses))
        if set(request.statuses) == {"pending"}:
            where.append(Review.status == "pending")  # what the index of the few pending ones is for
    for column, text in (
        (Review.workflow_uuid, request.workflow_uuid),
        (Review.batch_uuid, request.batch_uuid),
        (Review.run_uuid, request.run_uuid),
    ):
        if text is not None:
            uid = ids.parse(text)
            where.append(column == uid if uid else false())
    if request.assignee is not None:
        where.append(cast(func.lower(cast(Review.assignees, Text)), JSONB).contains([request.assignee.lower()]))
    return where


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ReviewReply:
    """One review."""
    uid = ids.parse(request.uuid)
    row = (await ctx.db.execute(review_rows.query().where(Review.uuid == uid))).one_or_none() if uid else None
    row = found_or_refuse(contract.get, row, "reviewNotFound", uuid=request.uuid)
    return contract.ReviewReply(review=review_rows.to_response(row[0], row[1]))


@handles(contract.approve)
async def approve(ctx: Context, request: contract.ApproveReview) -> contract.ReviewReply:
    """Let the run go on with these values."""
    decision = Decision(True, request.values, request.comment, ctx.who.user_uuid, await _email(ctx), "api")
    return contract.ReviewReply(review=await review_decide.decide(ctx.db, request.uuid, decision, contract.approve))


@handles(contract.reject)
async def reject(ctx: Context, request: contract.RejectReview) -> contract.ReviewReply:
    """Send the run the other way."""
    decision = Decision(False, None, request.comment, ctx.who.user_uuid, await _email(ctx), "api")
    return contract.ReviewReply(review=await review_decide.decide(ctx.db, request.uuid, decision, contract.reject))


async def _email(ctx: Context) -> str | None:
    return await workspace.email_of(ctx.db, ctx.who.user_uuid)


@handles(contract.create_link)
async def create_link(ctx: Context, request: contract.CreateLink) -> contract.LinkReply:
    """A link for a review that waits to be decided. Nothing is kept of it: its signature says everything."""
    row = await review_decide.open_review(ctx.db, request.uuid, contract.create_link)
    email = None
    if request.email is not None:
        try:
            email = parse_address(request.email).address
        except InvalidAddress as fault:
            raise invalid_input([{"path": "email", "message": str(fault)}]) from None
    lasts = timedelta(hours=request.hours)
    url, until = review_link.make(ctx.secrets, ctx.base_url, row, email=email, maker=ctx.who.user_uuid, lasts=lasts)
    return contract.LinkReply(url=url, expires_at=until)
