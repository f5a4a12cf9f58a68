"""Ingest records with a model's token: CSV, JSON lines, Parquet, an object or a list of objects."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from typing import Any, NoReturn, cast

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.context.context import Caller, Context
from cargo_ai.contract.storage.records import ingest as contract
from cargo_ai.domains.storage.public import IngestTarget, ingest
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.schemas import json_limits
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.http import responses
from cargo_ai.server.api.long_poll import unless_disconnected
from cargo_ai.server.api.state import State, state_of
from cargo_ai.server.api.transaction import transact
from cargo_ai.server.routes.files.receiving import receiver_of
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import ALL_WORKSPACES

MAX_JSON = 10 * 1024 * 1024
_ENDINGS = {
    "text/csv": "data.csv",
    "application/x-ndjson": "data.ndjson",
    "application/ndjson": "data.ndjson",
    "application/jsonl": "data.jsonl",
    "application/x-jsonlines": "data.jsonl",
    "application/vnd.apache.parquet": "data.parquet",
}


async def take(request: Request) -> Response:
    """Write the records; the response counts those added, changed, left alone and rejected.

    A file is stored first and read from there, so that no database connection waits for a slow sender.
    """
    state = state_of(request)
    target = await _target(state, request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    skip = request.query_params.get("skipInvalid", "").lower() in {"1", "true", "yes"}
    match = request.query_params.get("matchingColumnSlug")
    if kind in {"application/json", ""}:
        objects = await _objects(request)
        return await _answer(state, request, target, None, objects, match, skip=skip)
    if kind not in _ENDINGS:
        known = ", ".join(["application/json", *dict.fromkeys(_ENDINGS)])
        raise Refusal(415, "invalidInput", f"Records are not accepted as {kind}; send one of {known}.")
    key = FileStore.new_key(target.workspace, "ingest", _ENDINGS[kind])
    # Its bytes count against what the workspace may store as long as they are there.
    async with receiver_of(state).receive(state, target.workspace) as arrival:
        await state.files.put(key, arrival.counted(_limited(request, state.settings.max_upload_bytes)))
        try:
            return await _answer(state, request, target, key, [], match, skip=skip)
        finally:
            await state.files.remove(key)


async def _target(state: State, request: Request) -> IngestTarget:
    token = request.query_params.get("token") or request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    model = ids.parse(str(request.path_params["uuid"]))
    target = await transact(state.database, ALL_WORKSPACES, lambda db: ingest.find_target(db, token)) if token else None
    if target is None or target.model != model:
        sentence = "This token is not one of this model: make one with `cargo-ai storage model create-ingest-token`."
        raise Refusal(401, "unauthorized", sentence, headers={"WWW-Authenticate": "Bearer"})
    return target


async def _answer(
    state: State, request: Request, target: IngestTarget, key: str | None, objects: list[dict[str, Any]], match: str | None, *, skip: bool
) -> Response:
    caller = Caller(target.user, uuid.UUID(int=0), target.workspace, "ingest", ())

    async def work(db: AsyncSession) -> tuple[bytes, Context]:
        ctx = dispatch.make_context(state, request, caller, db)
        if key is None:
            report = await ingest.ingest_objects(ctx, target.model, objects, match, skip_invalid=skip)
        else:
            command = contract.IngestFile(model_uuid=str(target.model), s3_filename=key, matching_column_slug=match, skip_invalid=skip)
            report = await ingest.ingest(ctx, command)
        return report.to_json(), ctx

    body, ctx = await unless_disconnected(request, lambda: transact(state.database, target.workspace, work))
    headers = {"x-cargo-warnings": responses.warnings_header(ctx.warnings)} if ctx.warnings else {}
    return responses.json_response(body, 200, headers)


async def _objects(request: Request) -> list[dict[str, Any]]:
    """The objects of a JSON body: one object, a list, or `{records: […]}`."""
    body = b"".join([chunk async for chunk in _limited(request, MAX_JSON)])
    if json_limits.measure(body).items > json_limits.MAX_ITEMS:
        sentence = f"The body has more than {json_limits.MAX_ITEMS:,} values: send JSON lines as application/x-ndjson."
        raise Refusal(413, "invalidInput", sentence)
    try:
        value: object = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "invalidInput", "The body is not valid JSON; send JSON lines as application/x-ndjson.") from None
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        inner: object = fields.get("records")
        value = cast("list[object]", inner) if isinstance(inner, list) and len(fields) == 1 else [fields]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[object]", value)):
        raise Refusal(400, "invalidInput", "Send an object, or a list of objects.")
    return cast("list[dict[str, Any]]", value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            sentence = f"The body is larger than the {most // 1024**2:,} MB that are taken this way."
            raise Refusal(413, "invalidInput", sentence, headers={"Connection": "close"})
        yield chunk


routes = [Route(ingest.ingest_path("{uuid}"), take, methods=["POST"])]
