"""The action `putObject`: write an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, InvalidConfig, Outcome, ServiceError, connector_action, ui
from cargo_ai.integrations.s3.client import object_url
from cargo_ai.integrations.s3.fields import OfObject
from cargo_ai.integrations.s3.objects import write

Json = Any
MAX_BYTES = 8_000_000
_EXISTS = 412
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "enum": ["written", "skipped"], "description": "skipped: it exists, and is not to be replaced."},
        "key": {"type": "string"},
        "etag": {"type": ["string", "null"]},
        "url": {"type": "string", "description": "Its address, which is open only to those who may read it."},
    },
    "required": ["operation", "key", "etag", "url"],
    "additionalProperties": False,
}


class PutObject(OfObject):
    """An object and its content."""

    content: Json = Field(
        title="Content",
        description="A text, which is written as it is; anything else is written as JSON.",
        json_schema_extra=ui(widget="ExpressionWidget"),
    )
    content_type: str = Field(
        default="", title="Content type", description="By default text/plain, or application/json; both in UTF-8.", max_length=200
    )
    overwrite: bool = Field(default=True, title="Replace", description="Whether an object that exists is replaced.")


async def perform(request: ActionRequest) -> Outcome:
    """Write it as a whole: once more leads to the same object."""
    form = request.form(PutObject)
    text = form.content if isinstance(form.content, str) else json.dumps(form.content, ensure_ascii=False)
    body = text.encode("utf-8", "replace")
    if form.content is None or len(body) > MAX_BYTES:
        raise InvalidConfig(f"`content` must be a text or a value of at most {MAX_BYTES} bytes.")
    kind = form.content_type.strip() or ("text/plain; charset=utf-8" if isinstance(form.content, str) else "application/json")
    if not kind.isprintable() or not kind.isascii():
        raise InvalidConfig("`contentType` must be like text/csv.")
    url = object_url(request.service, form.bucket, form.key)
    headers = {} if form.overwrite else {"if-none-match": "*"}
    try:
        answer = await write(request.service, form.bucket, form.key, body, kind, headers)
    except ServiceError as error:
        if error.status != _EXISTS or form.overwrite:
            raise
        return Done({"operation": "skipped", "key": form.key, "etag": None, "url": url}, f"skipped {form.key} (it exists)")
    return Done({"operation": "written", "key": form.key, "etag": answer.headers["etag"].strip('"'), "url": url}, f"written {form.key}")


ACTION = connector_action(
    PutObject,
    slug="putObject",
    name="Write an object",
    description="Writes a text, or a value as JSON, into an object; one that exists is replaced.",
    hint="writes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=perform,
)
