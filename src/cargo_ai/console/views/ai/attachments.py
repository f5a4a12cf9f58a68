"""Attachments: files that are uploaded while a message is written, and go with it."""

from __future__ import annotations

import json

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, action
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject

FIELD = "attachment"
_FIELDS = ("name", "s3Filename", "contentType")


async def attach(request: PageRequest) -> Response:
    """Store a file; what goes with the message is a field of its form."""
    stored = await request.upload()
    part = {name: stored[name] for name in _FIELDS}
    return request.render(
        "ai/attachment.html",
        command="cargo-ai workspace file upload --file-path FILE",
        name=stored["name"],
        part=json.dumps(part, ensure_ascii=False),
    )


def parts_of(request: PageRequest) -> list[JsonObject]:
    """The parts of the message that was written: its text, where there is one, and its files. Refusal for what is not an attachment."""
    text = request.form.get("text", "").strip()
    parts: list[JsonObject] = [{"type": "text", "text": text}] if text else []
    for written in request.form.getlist(FIELD):
        try:
            part: object = json.loads(written)
        except (ValueError, RecursionError):
            part = None
        if not isinstance(part, dict):
            raise invalid_input([{"path": FIELD, "message": "is not a file that was attached here: attach it again"}])
        parts.append({"type": "s3File", **{name: part.get(name) for name in _FIELDS}})  # pyright: ignore[reportUnknownMemberType]
    return parts


PAGES = [action("/attachments", attach, title="Attach", section="Agents", takes_file=True)]
