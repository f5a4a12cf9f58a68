"""The action `presignUrl`: a link with which anyone can read an object for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, InvalidConfig, Outcome, connector_action
from cargo_ai.integrations.s3.account import keys_of, region_of
from cargo_ai.integrations.s3.client import object_url
from cargo_ai.integrations.s3.fields import OfObject
from cargo_ai.integrations.s3.objects import read
from cargo_ai.integrations.s3.signature import presigned
from cargo_ai.kernel import clock
from cargo_ai.outbound.url import parse_url

Json = Any
WEEK_SECONDS = 604_800
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "expiresAt": {"type": "string", "format": "date-time"}},
    "required": ["url", "expiresAt"],
    "additionalProperties": False,
}


class PresignUrl(OfObject):
    """Which object, and for how long."""

    expires_in_seconds: int = Field(default=3_600, title="Valid for", description="Seconds; at most a week.", ge=1, le=WEEK_SECONDS)


async def perform(request: ActionRequest) -> Outcome:
    """The link to an object of which one byte has been read: it exists, and the key may read it."""
    form = request.form(PresignUrl)
    config = request.connector_config
    if keys_of(config).session:
        raise InvalidConfig("A link would hold the session token of the connector's temporary keys: use keys that last.")
    await read(request.service, form.bucket, form.key, {"range": "bytes=0-0"})
    now = clock.now()
    url = parse_url(object_url(request.service, form.bucket, form.key))
    link = presigned(keys_of(config), region_of(config), now, "GET", url, form.expires_in_seconds)
    expires = (now + timedelta(seconds=form.expires_in_seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Done({"url": link, "expiresAt": expires}, f"{form.key} until {expires}")


ACTION = connector_action(
    PresignUrl,
    slug="presignUrl",
    name="Make a link",
    description="Makes a link with which anyone can read an object for a while.",
    hint="reads",
    idempotency="reads",
    cacheable=lambda _outcome: False,
    output_schema=_OUTPUT,
    perform=perform,
)
