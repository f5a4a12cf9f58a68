"""The action `listObjects`: the objects whose keys begin with a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Outcome, connector_action
from cargo_ai.integrations.s3.fields import OfBucket
from cargo_ai.integrations.s3.objects import PAGE, listed

Json = Any
MAX = 10_000
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "key": {"type": "string"},
                    "size": {"type": "integer"},
                    "lastModified": {"type": ["string", "null"]},
                    "etag": {"type": "string"},
                },
                "required": ["key", "size"],
            },
        },
        "prefixes": {"type": "array", "items": {"type": "string"}, "description": "With a delimiter: the folders below."},
        "objectsCount": {"type": "integer"},
        "hasMore": {"type": "boolean"},
    },
    "required": ["objects", "prefixes", "objectsCount", "hasMore"],
    "additionalProperties": False,
}


class ListObjects(OfBucket):
    """Which objects."""

    prefix: str = Field(default="", title="Prefix", description="What their keys begin with.", max_length=1_024)
    delimiter: str = Field(default="", title="Delimiter", description="/ lists one folder only.", max_length=10)
    limit: int = Field(default=1_000, title="Most objects", ge=1, le=MAX)


async def perform(request: ActionRequest) -> Outcome:
    """The first objects, by their keys."""
    form = request.form(ListObjects)
    objects: list[dict[str, Json]] = []
    prefixes: list[str] = []
    async for page in listed(request.service, form.bucket, form.prefix, form.delimiter, min(PAGE, form.limit + 1)):
        objects += page.objects
        prefixes += page.prefixes
        if len(objects) + len(prefixes) > form.limit:
            break
    more = len(objects) + len(prefixes) > form.limit
    objects = objects[: form.limit]
    output = {"objects": objects, "prefixes": prefixes[: form.limit], "objectsCount": len(objects), "hasMore": more}
    return Done(output, f"{len(objects)}{'+' if more else ''} objects")


ACTION = connector_action(
    ListObjects,
    slug="listObjects",
    name="List objects",
    description="Lists the objects whose keys begin with a prefix.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
