"""Reviews: what humanReview nodes ask people, and their decisions."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Listed, Offset, Text, Word
from cargo_ai.kernel.operation import Cli, Operation, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

MAX_LINK_HOURS: Final = 720

ReviewStatus = Literal["pending", "approved", "rejected", "expired", "cancelled"]
"""expired: no one decided in time, and the node fails; cancelled: the run ended before anyone decided."""

DECIDED: Final = frozenset({"approved", "rejected", "expired", "cancelled"})


class ReviewField(Wire):
    """A value shown to the reviewer; an approval may change it if it is editable."""

    name: str
    label: str | None
    description: str | None
    type: Literal["string", "number", "boolean", "date", "array", "object", "any"]
    value: Any
    editable: bool
    required: bool


class Decider(Wire):
    """Who decided: a user of the workspace, or the holder of a link (its e-mail address where the link was made for one)."""

    user_uuid: Uuid | None
    email: str | None
    via: Literal["api", "link"]


class Review(Wire):
    """A request for a decision. `values`: the approved values; null until then. `timedOut`: the timeout decided."""

    uuid: Uuid
    workspace_uuid: Uuid
    workflow_uuid: Uuid | None
    batch_uuid: Uuid | None
    run_uuid: Uuid
    node_uuid: str
    node_slug: str
    title: str
    instructions: str | None
    fields_: list[ReviewField] = Field(alias="fields")
    assignees: list[str]
    expires_at: Timestamp | None
    timeout_outcome: Literal["reject", "approve", "fail"]
    status: ReviewStatus
    values: JsonObject | None
    edited: bool
    comment: str | None
    decided_by: Decider | None
    decided_at: Timestamp | None
    timed_out: bool
    created_at: Timestamp
    updated_at: Timestamp


class ReviewReply(Wire):
    """One review."""

    review: Review


class ReviewsReply(Wire):
    """Reviews, newest first, and how many match in all."""

    reviews: list[Review]
    count: int


class LinkReply(Wire):
    """An address that shows the review to anyone who opens it, and takes a decision by POST."""

    url: str
    expires_at: Timestamp


class ListReviews(Wire):
    """Which reviews to list."""

    statuses: Annotated[list[ReviewStatus], Listed] | None = Field(default=None, description="Only reviews with one of these statuses.")
    workflow_uuid: Uuid | None = Field(default=None, description="Only reviews of this workflow.")
    batch_uuid: Uuid | None = Field(default=None, description="Only reviews of this batch's runs.")
    run_uuid: Uuid | None = Field(default=None, description="Only reviews of this run.")
    assignee: Word | None = Field(default=None, description="Only reviews assigned to this e-mail address.")
    limit: Limit = 100
    offset: Offset = 0


class ApproveReview(ByUuid):
    """Let the run go on. `values` may change editable fields; the others stay as proposed."""

    values: dict[str, Any] | None = Field(
        default=None, description='New values of editable fields: {"subject":"Hello"}. Other fields keep their values.'
    )
    comment: Text | None = Field(default=None, description="A comment on the decision.")


class RejectReview(ByUuid):
    """Do not let the run go on as proposed."""

    comment: Text | None = Field(default=None, description="The reason for the rejection.")


class CreateLink(ByUuid):
    """For whom the link is, and for how long."""

    email: Annotated[str, Field(min_length=3, max_length=254)] | None = Field(
        default=None, description="The e-mail address of the recipient, recorded as the decider."
    )
    hours: Annotated[int, Field(ge=1, le=MAX_LINK_HOURS)] = Field(default=168, description="How many hours the link is valid, 1 to 720.")


GetReason = Literal["reviewNotFound"]
DecideReason = Literal["reviewNotFound", "reviewAlreadyDecided", "reviewExpired", "reviewCancelled"]

_NOT_FOUND = refusal(404, "There is no review with uuid {uuid}.")
_DECIDED = refusal(409, "This review is {status} already: {who} decided at {at}.")
_EXPIRED = refusal(409, "No one decided in time: since {at} this review counts as {outcome}.")
_CANCELLED = refusal(409, "Run {run} has ended, so there is nothing left to decide.")

list_: Operation[ListReviews, ReviewsReply, Never] = operations.add(
    Operation(
        "orchestration.review.list",
        "POST",
        "/orchestration/reviews/list",
        request=ListReviews,
        response=ReviewsReply,
        summary="List the reviews that humanReview nodes requested, newest first.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration review list --statuses pending --limit 20",)),
    )
)

get: Operation[ByUuid, ReviewReply, GetReason] = operations.add(
    Operation(
        "orchestration.review.get",
        "GET",
        "/orchestration/reviews/{uuid}",
        request=ByUuid,
        response=ReviewReply,
        summary="Show a review: what to decide, or what was decided.",
        permission="orchestration:workflow:read",
        refusals={"reviewNotFound": _NOT_FOUND},
        waits=Waits(key="review.uuid", field="review.status", final=DECIDED),
        cli=Cli(examples=("cargo-ai orchestration review get UUID",)),
    )
)

approve: Operation[ApproveReview, ReviewReply, DecideReason] = operations.add(
    Operation(
        "orchestration.review.approve",
        "POST",
        "/orchestration/reviews/{uuid}/approve",
        request=ApproveReview,
        response=ReviewReply,
        summary="Approve a review, with or without changed values: the run continues.",
        permission="orchestration:workflow:write",
        refusals={
            "reviewNotFound": _NOT_FOUND,
            "reviewAlreadyDecided": _DECIDED,
            "reviewExpired": _EXPIRED,
            "reviewCancelled": _CANCELLED,
        },
        agent_safe=False,
        cli=Cli(
            examples=(
                "cargo-ai orchestration review approve UUID",
                """cargo-ai orchestration review approve UUID --values '{"subject":"Hello"}' --comment 'Shorter subject'""",
            )
        ),
    )
)

reject: Operation[RejectReview, ReviewReply, DecideReason] = operations.add(
    Operation(
        "orchestration.review.reject",
        "POST",
        "/orchestration/reviews/{uuid}/reject",
        request=RejectReview,
        response=ReviewReply,
        summary="Reject a review: the run takes the node's second route, or ends.",
        permission="orchestration:workflow:write",
        refusals={
            "reviewNotFound": _NOT_FOUND,
            "reviewAlreadyDecided": _DECIDED,
            "reviewExpired": _EXPIRED,
            "reviewCancelled": _CANCELLED,
        },
        agent_safe=False,
        cli=Cli(examples=("cargo-ai orchestration review reject UUID --comment 'Too expensive'",)),
    )
)

create_link: Operation[CreateLink, LinkReply, DecideReason] = operations.add(
    Operation(
        "orchestration.review.createLink",
        "POST",
        "/orchestration/reviews/{uuid}/links",
        request=CreateLink,
        response=LinkReply,
        summary="Create a signed link with which a person without an account can decide.",
        permission="orchestration:workflow:write",
        refusals={
            "reviewNotFound": _NOT_FOUND,
            "reviewAlreadyDecided": _DECIDED,
            "reviewExpired": _EXPIRED,
            "reviewCancelled": _CANCELLED,
        },
        agent_safe=False,
        cli=Cli(examples=("cargo-ai orchestration review create-link UUID --email ann@example.com --hours 24",)),
    )
)
