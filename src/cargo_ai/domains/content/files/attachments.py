"""Attachments: the beginning of a file's text, for a message that the file is sent with."""

from __future__ import annotations

import uuid
from contextlib import aclosing

from cargo_ai.files.documents import reader
from cargo_ai.files.documents.blocks import Unreadable
from cargo_ai.store.files import FileMissing, FileStore, require_owner

_PURPOSES = ("files", "uploads")
"""The second part of keys of what people have uploaded: other files of the workspace are not for everyone."""
MAX_BYTES = 25 * 1024 * 1024
SECONDS = 60.0


class NotAttached(ValueError):
    """The file cannot be sent with a message; the message says why."""


async def read_attachment(files: FileStore, workspace: uuid.UUID, key: str, name: str, most_characters: int) -> str:
    """The text of a stored file, as much as goes, and what is missing. FilesUnavailable; NotAttached."""
    try:
        if require_owner(key, workspace).split("/")[1] not in _PURPOSES:
            raise FileMissing(key)
        size = await files.size(key)
        if size > MAX_BYTES:
            limit = MAX_BYTES // 1024**2
            raise NotAttached(f"{name} is larger than {limit} MB: upload it (`cargo-ai content file upload`) for the agent to search in.")
        async with aclosing(files.stream(key)) as stream:
            document = await reader.read(stream, name, seconds=SECONDS)
    except FileMissing:
        raise NotAttached(f"There is no file {key} in this workspace: upload it first.") from None
    except Unreadable as error:
        raise NotAttached(f"{name}: {error}") from None
    text = "\n".join(f"{'#' * block.level} {block.text}" if block.level else block.text for block in document.blocks)
    if len(text) > most_characters:
        return f"{text[:most_characters]}\n(The file goes on: {len(text):,} characters in all.)"
    return text
