"""Uploads of the Python client: a path, bytes, an open binary file or a table, as the file of a form that is streamed."""

from __future__ import annotations

import io
import mimetypes
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from cargo_ai.sdk import frames


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. `open` starts it again for each attempt; one that is not `repeatable` is sent once."""

    field: str
    name: str
    open: Callable[[], BinaryIO]
    repeatable: bool = True
    callers: bool = False
    """It is the caller's own open file, which stays open."""

    def close(self, file: BinaryIO) -> None:
        """Close what `open` has opened."""
        if not self.callers:
            file.close()

    @property
    def content_type(self) -> str:
        """The media type that the name promises."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


@contextmanager
def upload_of(field: str, source: object, name: str | None) -> Generator[Upload, None, None]:
    """The upload of a path, bytes, an open binary file, or a pandas, Polars or Arrow table (sent as Parquet).

    TypeError for anything else, OSError for a path that cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(cast("str | os.PathLike[str]", source)).expanduser()
        with path.open("rb"):  # fails here rather than amid a request
            pass
        yield Upload(field, name or path.name, lambda: path.open("rb"))
    elif isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(cast("bytes", source))
        yield Upload(field, name or "file", lambda: io.BytesIO(content))
    elif frames.is_frame(source):
        with tempfile.TemporaryDirectory(prefix="cargo-ai-") as folder:
            path = Path(folder, "records.parquet")
            frames.write_parquet(source, path)
            yield Upload(field, name or path.name, lambda: path.open("rb"))
    elif hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        yield _open_file(field, cast("BinaryIO", source), name)
    else:
        kind = f"{type(source).__module__}.{type(source).__qualname__}".removeprefix("builtins.")
        raise TypeError(f"A file is a path, bytes, a file opened in binary mode ('rb') or a table, not {kind}.")


def _open_file(field: str, file: BinaryIO, name: str | None) -> Upload:
    own_name = getattr(file, "name", None)
    chosen = name or (os.path.basename(own_name) if isinstance(own_name, str) else "file")
    seekable = bool(getattr(file, "seekable", bool)())
    start = file.tell() if seekable else 0

    def again() -> BinaryIO:
        if seekable:
            file.seek(start)
        return file

    return Upload(field, chosen, again, repeatable=seekable, callers=True)
