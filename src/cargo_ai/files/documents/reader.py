"""Reader: the blocks of a document, read by a process with limits, so that a file of others can neither hold up nor end the worker."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import weakref
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cargo_ai.files.documents.blocks import Block, Unreadable

MAX_PROCESSES = 2
"""Processes of this kind at a time; others wait."""
SECONDS = 300.0
MAX_OUTPUT = 64 * 1024 * 1024
MAX_BYTES = 200 * 1024 * 1024
"""Of a file whose text is read."""
_PIECE = 256 * 1024
_KILLED_FOR_TIME = (-24, -9, 152, 137, 24)
_semaphores: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


@dataclass(slots=True)
class Document:
    """What was read. notes: what was left out, for the file's owner."""

    blocks: list[Block] = field(default_factory=list[Block])
    notes: list[str] = field(default_factory=list[str])


async def read(stream: AsyncIterator[bytes], name: str, *, seconds: float = SECONDS) -> Document:
    """The text of a document. Unreadable says why there is no text."""
    places = _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_PROCESSES))
    with tempfile.TemporaryFile(prefix="cargo-ai-") as file:
        async for part in stream:
            await asyncio.to_thread(file.write, part)
        await asyncio.to_thread(file.seek, 0)
        async with places:
            lines, code = await _run(file.fileno(), name, seconds)
    if code is None:
        raise Unreadable(f"The file takes longer than {seconds:.0f} seconds to be read: it may be damaged, or made to hold up readers.")
    if code:
        raise Unreadable(_problem(code, lines))
    return await asyncio.to_thread(_parse, lines)


def _problem(code: int, lines: bytes) -> str:
    if code == 3 and lines:
        return str(json.loads(lines.splitlines()[-1]))
    if code in _KILLED_FOR_TIME:
        return "The file takes too much time or memory to be read: it may be damaged, or made to hold up readers."
    return "The file cannot be read: it is damaged, or needs too much memory."


async def _run(file: int, name: str, seconds: float) -> tuple[bytes, int | None]:
    """What the process wrote, and how it ended; None where it took too long or wrote too much."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cargo_ai.files.documents.process",
        name,
        stdin=file,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=2 * _PIECE,
        # Nothing of the server's environment, which may hold its key.
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    assert child.stdout is not None
    written = bytearray()
    code: int | None = None
    try:
        async with asyncio.timeout(seconds):
            while part := await child.stdout.read(_PIECE):
                written += part
                if len(written) > MAX_OUTPUT:
                    return b"", None
            code = await child.wait()
    except TimeoutError:
        return b"", None
    finally:
        if child.returncode is None:
            child.kill()
            while await child.stdout.read(_PIECE):
                pass
            await child.wait()
    return bytes(written), code


def _parse(lines: bytes) -> Document:
    document = Document()
    for line in lines.splitlines():
        fields = json.loads(line)
        if len(fields) == 1:
            document.notes.append(str(fields[0]))
        else:
            document.blocks.append(Block(*fields))
    return document
