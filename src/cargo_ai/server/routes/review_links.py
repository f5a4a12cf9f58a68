"""Review links: a signed URL that shows a review without an account and takes the decision by POST.

A GET never decides: programs that scan e-mails open every link in them.
"""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cargo_ai.context.context import Caller
from cargo_ai.contract.orchestration import review as contract
from cargo_ai.domains.orchestration.public import review_link
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import requests, responses
from cargo_ai.server.api.state import state_of
from cargo_ai.server.api.transaction import transact

MAX_BODY = 1024 * 1024
NO_USER = uuid.UUID(int=0)
_OPERATIONS: dict[str, AnyOperation] = {"approve": contract.approve, "reject": contract.reject}
_SHOWN = ("uuid", "title", "instructions", "fields", "expiresAt", "status", "values", "comment", "decidedAt", "timedOut")
"""The fields that are shown without an account."""


async def look(request: Request) -> Response:
    """Show the review: as JSON where the client accepts it, else as plain text with the commands that decide."""
    state = state_of(request)
    review = str(request.path_params["uuid"])
    held = review_link.holder(state.secrets, review, request.query_params.multi_items())
    row = await transact(state.database, held.workspace, lambda db: review_link.find(db, review))
    return _response(request, row, state.base_url(request) + request.url.path + "?" + request.url.query)


async def decide(request: Request) -> Response:
    """Take the decision: `decision` (approve or reject), `values` and `comment`, as JSON or as a form."""
    state = state_of(request)
    review = str(request.path_params["uuid"])
    held = review_link.holder(state.secrets, review, request.query_params.multi_items())
    body = await _body(request)
    decision: object = body.get("decision")
    operation = _OPERATIONS.get(decision) if isinstance(decision, str) else None
    if operation is None:
        raise Refusal(400, "invalidInput", "Send `decision`: approve or reject.")
    given = {name: body[name] for name in ("values", "comment") if body.get(name) is not None}
    command, _ = dispatch.validate(state.settings, operation, {**given, "uuid": review})
    # The audit log names the creator of the link; a link in an e-mail has none.
    caller = Caller(held.maker or NO_USER, NO_USER, held.workspace, "link", ())

    async def work(db: AsyncSession) -> contract.Review:
        ctx = dispatch.make_context(state, request, caller, db)
        decided = await review_link.decide(db, held, command)
        await dispatch.write_audit_entry(ctx, request, operation, ids.parse(review))
        return decided

    return _response(request, await transact(state.database, held.workspace, work), "")


async def _body(request: Request) -> dict[str, Any]:
    body = await requests.read_body(request, MAX_BODY)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        document: dict[str, Any] = dict(parse_qsl(body.decode("utf-8", "replace")))
        if "values" in document:
            document["values"] = requests.parse_object(document["values"].encode())
    else:
        document = requests.parse_object(body)
    requests.reject_nul(document)
    return document


def _response(request: Request, review: contract.Review, address: str) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        document = review.to_wire()
        return responses.json_response(json.dumps({"review": {name: document[name] for name in _SHOWN}}).encode(), 200)
    return PlainTextResponse(review_link.page_text(review, address))


routes = [Route(review_link.path_of("{uuid}"), look, methods=["GET"]), Route(review_link.path_of("{uuid}"), decide, methods=["POST"])]
