"""Downloads: the formats of files, what a client gets when it names none, and the reply with the URL."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from cargo_ai.kernel.wire import Wire

Format = Literal["json", "ndjson", "csv", "parquet"]

STREAMED: Final = (
    "The file format. Without it, the command line prints the rows as a JSON array, and REST replies with the URL of a gzipped CSV file. "
    "With it, both reply with the URL of the file; a named csv is not gzipped."
)
"""For commands that print the rows themselves."""

LINKED: Final = "The file format; gzipped CSV by default (a named csv is not gzipped)."
"""For commands that print the URL of the file."""


class DownloadReply(Wire):
    """The URL of the file, valid for an hour. `urls` contains the same one: some commands of the public command line name the one,
    some the other, so every download has both."""

    url: str
    urls: list[str]

    @classmethod
    def of(cls, url: str, **more: Any) -> Self:
        """The reply with one URL."""
        return cls(url=url, urls=[url], **more)
