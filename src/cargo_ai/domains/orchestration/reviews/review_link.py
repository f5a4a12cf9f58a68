"""Review links: signed URLs that show one review and take its decision, without an account."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.downloads import signed_urls
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration import review as contract
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import review_decide, review_rows, review_text
from cargo_ai.domains.orchestration.reviews.review_decide import Decision
from cargo_ai.expression import to_text
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.wire import Wire

LONGEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Holder:
    """What a valid link says: its workspace, for whom it was created (None: for anyone), and which user created it."""

    workspace: uuid.UUID
    email: str | None
    maker: uuid.UUID | None


def path_of(review: str) -> str:
    """The path of a review's link."""
    return f"/v1/orchestration/reviews/{review}/decision"


def make(
    secrets: SecretKey, base: str, row: Review, *, email: str | None, maker: uuid.UUID | None, lasts: timedelta = LONGEST
) -> tuple[str, datetime]:
    """The URL, and until when it works: `lasts`, and never longer than the review waits."""
    now = clock.now()
    until = min(now + lasts, row.expires_at or now + lasts)
    params = ({"email": email} if email else {}) | ({"maker": str(maker)} if maker else {})
    seconds = max(1, int((until - now).total_seconds()))
    # Signed for POST: the same address shows the review when it is merely opened.
    url = signed_urls.sign(secrets, base, "POST", path_of(str(row.uuid)), row.workspace_uuid, params, seconds=seconds)
    return url, now + timedelta(seconds=seconds)


def holder(secrets: SecretKey, review: str, query: Iterable[tuple[str, str]]) -> Holder:
    """Who comes with this link; Refusal (403) when it was changed or its time is over."""
    link = signed_urls.verify(secrets, "POST", path_of(review), query)
    return Holder(link.workspace, link.params.get("email"), ids.parse(link.params.get("maker", "")))


async def find(db: AsyncSession, review: str) -> contract.Review:
    """The review behind a link. Refusal (404) when it is gone."""
    uid = ids.parse(review)
    row = (await db.execute(review_rows.query().where(Review.uuid == uid))).one_or_none() if uid else None
    row = found_or_refuse(contract.get, row, "reviewNotFound", uuid=review)
    return review_rows.to_response(row[0], row[1])


async def decide(db: AsyncSession, link: Holder, request: Wire) -> contract.Review:
    """Take the decision of who holds the link, in the caller's transaction. Refuses as the operations of the same names do."""
    if isinstance(request, contract.ApproveReview):
        decision = Decision(True, request.values, request.comment, None, link.email, "link")
        return await review_decide.decide(db, request.uuid, decision, contract.approve)
    if isinstance(request, contract.RejectReview):
        decision = Decision(False, None, request.comment, None, link.email, "link")
        return await review_decide.decide(db, request.uuid, decision, contract.reject)
    raise TypeError(f"{type(request).__name__} is not a decision")


def page_text(review: contract.Review, address: str) -> str:
    """The review as plain text; while it waits, with the commands that decide by sending to `address`."""
    title = " ".join(review_text.lines_of(review.title))
    lines = [title, "=" * min(len(title), 80), ""]
    if review.instructions:
        lines += [review_text.block(review.instructions), ""]
    for field in review.fields_:
        hint = f" ({field.type}, may be changed)" if field.editable and review.status == "pending" else ""
        value = (review.values or {}).get(field.name, field.value)
        lines.append(f"{field.label or field.name}{hint}: {review_text.block(to_text(value))}")
        if field.description:
            lines.append(f"    {field.description}")
    lines += ["", _state(review), ""]
    if review.status == "pending":
        lines += _commands(review, address)
    return "\n".join(lines)


def _state(review: contract.Review) -> str:
    if review.status == "pending":
        until = f" until {clock.to_iso(review.expires_at)}" if review.expires_at else ""
        return f"This waits for a decision{until}."
    if review.status == "cancelled":
        return "The run has ended: there is nothing left to decide."
    when = clock.to_iso(review.decided_at) if review.decided_at else "an unknown time"
    if review.timed_out:
        return f"No one decided in time: since {when} this counts as {review.status}."
    who = (review.decided_by.email if review.decided_by else None) or "someone with a link"
    comment = f" {who} says: {review_text.block(review.comment)}" if review.comment else ""
    return f"This is {review.status}: {who} decided at {when}.{comment}"


def _commands(review: contract.Review, address: str) -> list[str]:
    editable = next((field.name for field in review.fields_ if field.editable), None)
    lines = [
        "To decide, send one of these (opening this address decides nothing):",
        "",
        f"curl {shlex.quote(address)} -d decision=approve",
        f"curl {shlex.quote(address)} -d decision=reject --data-urlencode comment='Why not'",
    ]
    if editable is not None:
        values = json.dumps({editable: "changed"})
        lines.append(f"curl {shlex.quote(address)} -d decision=approve --data-urlencode values={shlex.quote(values)}")
    return [*lines, ""]
