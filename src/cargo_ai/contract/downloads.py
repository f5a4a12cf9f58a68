"""Downloads: the formats of files, and what a client gets when it names none."""

from __future__ import annotations

from typing import Final, Literal

Format = Literal["json", "ndjson", "csv", "parquet"]

STREAMED: Final = (
    "The file format. Without it, the command line prints the rows as a JSON array, and REST replies with the URL of a gzipped CSV file. "
    "With it, both reply with the URL of the file; a named csv is not gzipped."
)
"""For commands that print the rows themselves."""

LINKED: Final = "The file format; gzipped CSV by default (a named csv is not gzipped)."
"""For commands that print the URL of the file."""
