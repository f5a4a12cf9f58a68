"""The file store: uploads, exports and large outputs, streamed to a local folder or an object store (obstore)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import LocalStore, ObjectStore, from_url

from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings

CHUNK = 256 * 1024

_LOCAL_BUFFER = 1024 * 1024
_REMOTE_BUFFER = 5 * 1024 * 1024  # the smallest part that S3 takes
_BUFFERS_IN_FLIGHT = 2
CUT_OFF_SECONDS = 86_400.0
"""Nothing is written for so long without a byte more."""
_BEGUN = re.compile(r"#\d+$")
"""How a folder names a file until it is whole; no key ends like this."""


class FileMissing(LookupError):
    """There is no file with this key, or the workspace may not see it."""


class FilesUnavailable(RuntimeError):
    """The folder or the object store refused: full, not reachable, not allowed. No partial file was written."""


def safe_name(name: str) -> str:
    """A file name without folders or odd characters, at most 100 of them."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")
    return safe[-100:].lstrip(".") or "file"


def require_owner(key: str, workspace: object) -> str:
    """The key when it belongs to the workspace; FileMissing for any other, as if the file did not exist."""
    folders = key.split("/")
    if len(folders) < 2 or folders[0] != str(workspace) or any(part in {"", ".", ".."} for part in folders):
        raise FileMissing(key)
    return key


class FileStore:
    """Files by opaque key. Keys begin with the workspace's uuid: a key that a caller sent goes through `owned` first."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._buffer = _LOCAL_BUFFER if isinstance(store, LocalStore) else _REMOTE_BUFFER

    @staticmethod
    def of(settings: Settings) -> FileStore:
        """The store of the settings: by default a folder in the data folder."""
        if settings.files_url:
            address = urlsplit(settings.files_url)
            if address.scheme == "file":
                Path(unquote(address.path)).mkdir(parents=True, exist_ok=True, mode=0o700)
            return FileStore(from_url(settings.files_url))
        folder: Path = settings.data_dir / "files"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return FileStore(LocalStore(prefix=str(folder), automatic_cleanup=True))

    @staticmethod
    def new_key(workspace: object, purpose: str, name: str = "file") -> str:
        """A fresh key: `<workspace>/<purpose>/<uuid>/<safe name>`."""
        return f"{workspace}/{purpose}/{ids.new()}/{safe_name(name)}"

    async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        """Write a file, streaming; returns its bytes. It appears whole or not at all: a stream that raises leaves no file.

        Memory: a few MB, however large the file. FilesUnavailable when the store refuses.
        """
        if isinstance(data, bytes):
            with _store_errors(key):
                await obstore.put_async(self._store, key, data)
            return len(data)
        writer = obstore.open_writer_async(self._store, key, buffer_size=self._buffer, max_concurrency=_BUFFERS_IN_FLIGHT)
        size = 0
        # Only the errors of the store are converted; those of `data` pass unchanged, and the partial file is dropped.
        async with AsyncExitStack() as stack:
            with _store_errors(key):
                stack.push_async_exit(await writer.__aenter__())
            async for chunk in data:
                size += len(chunk)
                with _store_errors(key):
                    await writer.write(chunk)
            stack.pop_all()
        with _store_errors(key):
            await writer.close()
        return size

    async def size(self, key: str) -> int:
        """Bytes of a file; FileMissing when it does not exist."""
        with _store_errors(key):
            return int((await obstore.head_async(self._store, key))["size"])

    async def read(self, key: str) -> bytes:
        """A whole small file; FileMissing when it does not exist."""
        with _store_errors(key):
            reply = await obstore.get_async(self._store, key)
            return bytes(await reply.bytes_async())

    async def stream(self, key: str, *, start: int = 0) -> AsyncGenerator[bytes]:
        """The bytes from `start` on, in chunks; FileMissing when it does not exist."""
        size = await self.size(key)
        if start >= size:
            return
        if isinstance(self._store, LocalStore):
            # Its stream takes a file apart into 8 KB, each a thread's errand: seven times as slow as reading our chunks.
            for at in range(start, size, CHUNK):
                with _store_errors(key):
                    part = await obstore.get_range_async(self._store, key, start=at, end=min(at + CHUNK, size))
                yield bytes(part)
            return
        with _store_errors(key):
            reply = await obstore.get_async(self._store, key, options={"range": (start, size)})
        chunks = reply.stream(min_chunk_size=CHUNK)
        while True:
            with _store_errors(key):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def keys(self) -> AsyncGenerator[str]:
        """The keys of all files of all workspaces, in no order."""
        with _store_errors(""):
            pages = obstore.list(self._store, return_arrow=False)  # pyright: ignore[reportUnknownMemberType]
        while True:
            with _store_errors(""):
                page = await anext(pages, None)
            if page is None:
                return
            for entry in page:
                yield str(entry["path"])

    async def remove(self, key: str) -> None:
        """Remove a file; no error when it does not exist."""
        try:
            with _store_errors(key):
                await obstore.delete_async(self._store, key)
        except FileMissing:
            return

    async def remove_cut_off(self) -> None:
        """Remove what killed processes have left of files that they were writing to a folder. An object store keeps such
        parts by rules of its own, unseen. O(all files), in a thread."""
        if not isinstance(self._store, LocalStore) or self._store.prefix is None:
            return
        await asyncio.to_thread(_remove_cut_off, Path(self._store.prefix))


def _remove_cut_off(folder: Path) -> None:
    latest = clock.unix_seconds() - CUT_OFF_SECONDS
    for path, _, names in os.walk(folder):
        for name in filter(_BEGUN.search, names):
            file = Path(path, name)
            # What is gone by now was ended or dropped by who wrote it.
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < latest:
                    file.unlink()


@contextmanager
def _store_errors(key: str) -> Generator[None]:
    """Convert the errors of obstore to ours."""
    try:
        yield
    except (FileNotFoundError, InvalidPathError):
        raise FileMissing(key) from None
    except (BaseError, OSError) as error:
        raise FilesUnavailable(f"The file store refused: {_first_line(error)}") from error
    except ValueError as error:
        # obstore raises a plain ValueError for a path that it cannot parse.
        if "Could not parse path" in str(error):
            raise FileMissing(key) from None
        raise


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
