"""Reviews: the inbox of what waits for a decision, and one review with its decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.forms.entries import changed, entries_of
from cargo_ai.console.forms.fields import Field, form_of
from cargo_ai.console.forms.names import ACTION
from cargo_ai.console.forms.posted import posted_form
from cargo_ai.console.forms.reading import Posted, read
from cargo_ai.console.forms.texts import texts_of
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "orchestration:workflow:read", "orchestration:workflow:write"
LIMIT = 50
STATUSES = ("pending", "approved", "rejected", "expired", "cancelled")
VALUES = "/values"
_TYPES = {
    "string": {"type": "string", "maxLength": 100_000},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string"},
}


async def reviews(request: PageRequest) -> Response:
    """The reviews with a status, those that wait by default."""
    status = request.query.get("status", "pending")
    mine = request.query.get("mine") == "true"
    offset = _number(request.query.get("offset", ""))
    filters: JsonObject = {"statuses": [status]} if status in STATUSES else {}
    if mine:
        filters["assignee"] = request.user.email
    reply = await request.call("orchestration.review.list", {**filters, "limit": LIMIT, "offset": offset})
    kept = {"status": status, **({"mine": "true"} if mine else {})}
    return request.render(
        "orchestration/reviews.html",
        command=line("orchestration review list", {**filters, "limit": LIMIT}),
        reviews=reply["reviews"],
        count=reply["count"],
        chosen=status,
        mine=mine,
        statuses=STATUSES,
        newer=f"/console/reviews?{urlencode({**kept, 'offset': max(offset - LIMIT, 0)})}" if offset else "",
        older=f"/console/reviews?{urlencode({**kept, 'offset': offset + LIMIT})}" if offset + LIMIT < reply["count"] else "",
    )


async def review(request: PageRequest) -> Response:
    """One review."""
    row = await _review(request)
    form = _form(row)
    return _shown(request, row, texts_of(form, _proposed(row), VALUES))


async def decide(request: PageRequest) -> Response:
    """Approve, perhaps with other values, or reject."""
    row = await _review(request)
    posted = posted_form(request.form)
    comment = request.form.get("comment", "").strip() or None
    if ACTION in posted:
        return _shown(request, row, changed(posted))
    if request.form.get("decision") != "approve":
        await request.call("orchestration.review.reject", {"uuid": row["uuid"], "comment": comment})
        return request.redirect("/console/reviews", f"Rejected: {row['title']}")
    form = _form(row)
    reading = read(form, posted, name=VALUES)
    if reading.errors:
        return _shown(request, row, posted, reading.errors, status=422)
    proposed = _proposed(row)
    entered = cast("JsonObject", reading.value)
    values = {name: value for name, value in entered.items() if value != proposed.get(name)}
    await request.call("orchestration.review.approve", {"uuid": row["uuid"], "values": values or None, "comment": comment})
    return request.redirect("/console/reviews", f"Approved: {row['title']}")


async def link(request: PageRequest) -> Response:
    """A link with which a person without an account can decide."""
    row = await _review(request)
    fields = {"uuid": row["uuid"], "email": request.form.get("email", "").strip() or None}
    reply = await request.call("orchestration.review.createLink", fields)
    return _shown(request, row, texts_of(_form(row), _proposed(row), VALUES), link=reply)


def _shown(
    request: PageRequest,
    row: JsonObject,
    texts: Posted,
    errors: dict[str, str] | None = None,
    *,
    link: JsonObject | None = None,
    status: int = 200,
) -> Response:
    uuid = row["uuid"]
    lines = [f"cargo-ai orchestration review get {uuid}"]
    if row["status"] == "pending":
        lines += [f"cargo-ai orchestration review approve {uuid}", f"cargo-ai orchestration review reject {uuid} --comment 'Why'"]
    editable = [field for field in row["fields"] if field["editable"]]
    return request.render(
        "orchestration/review.html",
        command=lines,
        title=row["title"],
        status=status,
        review=row,
        fixed=[field for field in row["fields"] if not field["editable"]],
        entry=entries_of(_form(row), texts, errors, name=VALUES) if editable else None,
        link=link,
        form_page=f"/console/reviews/{uuid}",
        can_write=request.may(_WRITE),
    )


async def _review(request: PageRequest) -> JsonObject:
    reply: JsonObject = (await request.call("orchestration.review.get", {"uuid": request.path["uuid"]}))["review"]
    return reply


def _form(row: JsonObject) -> Field:
    """The fields that an approval may change."""
    editable: Sequence[JsonObject] = [field for field in row["fields"] if field["editable"]]
    properties: dict[str, Any] = {
        field["name"]: {
            **_TYPES.get(field["type"], {}),
            "title": field["label"] or field["name"],
            "description": field["description"] or "",
        }
        for field in editable
    }
    required = [field["name"] for field in editable if field["required"]]
    return form_of({"type": "object", "properties": properties, "required": required, "additionalProperties": False})


def _proposed(row: JsonObject) -> JsonObject:
    return {field["name"]: field["value"] for field in row["fields"] if field["editable"]}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


PAGES = [
    page("/reviews", reviews, title="Reviews", section="Reviews", permission=_READ),
    page("/reviews/{uuid}", review, title="Review", section="Reviews", permission=_READ),
    action("/reviews/{uuid}", decide, title="Review", section="Reviews", permission=_WRITE),
    action("/reviews/{uuid}/link", link, title="Review", section="Reviews", permission=_WRITE),
]
