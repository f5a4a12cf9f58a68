"""File lists: the files of a service that fill a library, listed with their versions and downloaded one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import IO, Any

from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.forms import Form, schema_of, ui_schema_of
from cargo_ai.integrations.kit.lists.extraction import ExtractRequest
from cargo_ai.outbound.message import Headers

Json = Any


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the service lists it. id: tells files apart forever. version: changes when the content does; "": the service does not say,
    so that the content is compared."""

    id: str
    name: str
    version: str = ""
    size: int | None = None


class Download:
    """The bytes of a file on their way to the disk, as a listener takes them. content_type: what the service says of them."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, most
        self.size = 0
        self.content_type = ""
        self.is_refused = self.is_packed = False
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_full(self) -> bool:
        """Never: what comes is written at once."""
        return False

    def when_room(self, call: Callable[[], None]) -> None:
        """There always is."""

    def begins(self, status: int, headers: Headers) -> bool:
        """Take the body of what succeeds; errors are read by the service's table."""
        if status >= 300:
            return False
        self.content_type = headers.get("content-type", "")
        self.is_packed = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        if self.is_packed and self._task is not None:
            self._task.cancel()
        return True

    def part(self, part: bytes) -> None:
        """Write what came, as far as it may go."""
        self.size += len(part)
        if self.size > self._most:
            self.is_refused = True
            if self._task is not None:
                self._task.cancel()
            return
        self._file.write(part)

    async def run(self, call: Coroutine[Any, Any, object], name: str) -> None:
        """Await the call that this listens to. ServiceError where the file is too large, or packed though that was not asked for."""
        self._task = asyncio.ensure_future(call)
        try:
            await self._task
        except asyncio.CancelledError:
            if not (self.is_refused or self.is_packed):
                raise
            if self.is_packed:
                raise ServiceError(f"{name} is sent compressed, though that was not asked for.", reason="unexpectedAnswer") from None
            raise ServiceError(f"{name} is larger than {self._most // 1024**2} MB.", reason="fileTooLarge") from None
        finally:
            self._task.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """What fills a library.

    form: of the library's config. files: all files there are, page by page. download: (request, id of a file, where to): its bytes. Both
    raise what `request.service` raises.
    """

    slug: str
    name: str
    description: str
    form: type[Form]
    files: Callable[[ExtractRequest], AsyncIterator[Sequence[ListedFile]]]
    download: Callable[[ExtractRequest, str, Download], Awaitable[None]]

    @property
    def on_wire(self) -> dict[str, Json]:
        """As catalogs show it, among the extractors."""
        schema = schema_of(self.form)
        return {
            "name": self.name,
            "description": self.description,
            "kind": "file",
            "config": {"schema": schema, "jsonSchema": schema, "uiSchema": ui_schema_of(self.form)},
            "mode": {"kind": "fetch", "isIncremental": True, "autoFetch": True, "minIntervalInSeconds": 3_600},
        }
