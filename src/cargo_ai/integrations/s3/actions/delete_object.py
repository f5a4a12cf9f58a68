"""The action `deleteObject`: remove an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Done, Outcome, connector_action
from cargo_ai.integrations.s3.client import object_url, unexpected
from cargo_ai.integrations.s3.fields import OfObject

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"operation": {"type": "string", "enum": ["deleted"]}, "key": {"type": "string"}},
    "required": ["operation", "key"],
    "additionalProperties": False,
}


class DeleteObject(OfObject):
    """Which object."""


async def perform(request: ActionRequest) -> Outcome:
    """S3 does not say whether there was one."""
    form = request.form(DeleteObject)
    answer = await request.service.call("DELETE", object_url(request.service, form.bucket, form.key), expect="text")
    if answer.body:
        raise unexpected(answer, changes=True)
    return Done({"operation": "deleted", "key": form.key}, f"deleted {form.key}")


ACTION = connector_action(
    DeleteObject,
    slug="deleteObject",
    name="Delete an object",
    description="Removes an object; one that is not there is no error.",
    hint="deletes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=perform,
)
