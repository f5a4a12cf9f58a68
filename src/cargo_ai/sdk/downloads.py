"""Downloads: files of the server, streamed from a signed link to a file, as rows or as a table; requested when one of them is asked for."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from cargo_ai.sdk import frames

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    import pandas  # pyright: ignore[reportMissingTypeStubs]
    import polars

Format = Literal["json", "ndjson", "csv", "parquet"]
JsonObject = dict[str, Any]
_ENDINGS: dict[str, Format] = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}


def format_of(path: Path, chosen: Format | None) -> Format:
    """The format that is given, else that of the file's name. ValueError for neither."""
    if chosen is not None:
        if chosen not in get_args(Format):
            raise ValueError(f'format: one of {", ".join(get_args(Format))}, not "{chosen}"')
        return chosen
    ending = _ENDINGS.get(path.suffix.lower())
    if ending is None:
        raise ValueError(f'"{path.name}" does not say in which format: name it *.csv, *.json, *.jsonl or *.parquet, or give format=.')
    return ending


def row_of(line: str) -> JsonObject | None:
    """The row of a line; None for an empty one."""
    return cast("JsonObject", json.loads(line)) if line.strip() else None


class Download:
    """A download that has not begun. Each of its methods asks the server for the file and streams it."""

    def __init__(
        self, link: Callable[[Format | None], str], stream: Callable[[str], Iterator[bytes]], lines: Callable[[str], Iterator[str]]
    ) -> None:
        self._link, self._stream, self._lines = link, stream, lines

    def url(self, format: Format | None = None) -> str:
        """A signed link to the file, good for an hour: anyone who has it can read the file."""
        return self._link(format)

    def chunks(self, format: Format = "csv") -> Iterator[bytes]:
        """The bytes of the file as they come."""
        return self._stream(self._link(format))

    def rows(self) -> Iterator[JsonObject]:
        """The rows as they come, one at a time in memory."""
        for line in self._lines(self._link("ndjson")):
            if (row := row_of(line)) is not None:
                yield row

    def save(self, path: str | os.PathLike[str], format: Format | None = None) -> Path:
        """Write the file to `path`, in the format that its name says. The path has the old content, or none, until the file is complete."""
        to = Path(path).expanduser()
        with replacing(to) as draft, draft.open("wb") as file:
            for chunk in self._stream(self._link(format_of(to, format))):
                file.write(chunk)
        return to

    def to_arrow(self) -> Any:
        """All rows as a `pyarrow.Table` (extra `arrow`), which has no types for checkers."""
        with self._parquet() as path:
            return frames.read_arrow(path)

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas table (extra `pandas`)."""
        with self._parquet() as path:
            return frames.read_pandas(path)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars table (extra `polars`)."""
        with self._parquet() as path:
            return frames.read_polars(path)

    @contextmanager
    def _parquet(self) -> Generator[Path, None, None]:
        with tempfile.TemporaryDirectory(prefix="cargo-ai-") as folder:
            yield self.save(Path(folder, "rows.parquet"))


class AsyncDownload:
    """A download that has not begun. Each of its methods asks the server for the file and streams it."""

    def __init__(
        self,
        link: Callable[[Format | None], Awaitable[str]],
        stream: Callable[[str], AsyncIterator[bytes]],
        lines: Callable[[str], AsyncIterator[str]],
    ) -> None:
        self._link, self._stream, self._lines = link, stream, lines

    async def url(self, format: Format | None = None) -> str:
        """A signed link to the file, good for an hour: anyone who has it can read the file."""
        return await self._link(format)

    async def chunks(self, format: Format = "csv") -> AsyncIterator[bytes]:
        """The bytes of the file as they come."""
        async for chunk in self._stream(await self._link(format)):
            yield chunk

    async def rows(self) -> AsyncIterator[JsonObject]:
        """The rows as they come, one at a time in memory."""
        async for line in self._lines(await self._link("ndjson")):
            if (row := row_of(line)) is not None:
                yield row

    async def save(self, path: str | os.PathLike[str], format: Format | None = None) -> Path:
        """Write the file to `path`, in the format that its name says. The path has the old content, or none, until the file is complete."""
        to = await asyncio.to_thread(Path(path).expanduser)
        link = await self._link(format_of(to, format))
        with replacing(to) as draft, draft.open("wb") as file:
            async for chunk in self._stream(link):
                await asyncio.to_thread(file.write, chunk)
        return to

    async def to_arrow(self) -> Any:
        """All rows as a `pyarrow.Table` (extra `arrow`), which has no types for checkers."""
        async with self._parquet() as path:
            return await asyncio.to_thread(frames.read_arrow, path)

    async def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas table (extra `pandas`)."""
        async with self._parquet() as path:
            return await asyncio.to_thread(frames.read_pandas, path)

    async def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars table (extra `polars`)."""
        async with self._parquet() as path:
            return await asyncio.to_thread(frames.read_polars, path)

    @asynccontextmanager
    async def _parquet(self) -> AsyncGenerator[Path, None]:
        with tempfile.TemporaryDirectory(prefix="cargo-ai-") as folder:
            yield await self.save(Path(folder, "rows.parquet"))


@contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """A draft beside the path, which replaces it when it is complete and is removed otherwise."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
