"""File options: how an uploaded CSV or JSON lines file is written. An addition to the public contract."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.kernel.wire import Wire

Encoding = Literal[
    "utf-8", "utf-16", "windows-1252", "windows-1250", "windows-1251", "iso-8859-1", "iso-8859-15", "mac-roman", "shift_jis", "gb18030"
]
Delimiter = Literal[",", ";", "tab", "|"]


class FileOptions(Wire):
    """How the values of a file are written. Delimiter, trimming, decimals and dates are of CSV and Parquet files."""

    encoding: Encoding = Field(default="utf-8", description="The encoding of the file's text.")
    delimiter: Delimiter | None = Field(
        default=None, description="The delimiter of a CSV file; by default the most frequent one in its header."
    )
    trim: bool = Field(default=False, description="Remove white space around each value.")
    decimal: Literal[".", ","] | None = Field(
        default=None,
        description='The sign before decimals: with "," the text 1.234,50 is 1234.5, with "." the text 1,234.50 is. '
        "By default only 1234.50 is a number.",
    )
    date_order: Literal["ymd", "dmy", "mdy"] = Field(
        default="ymd", description="How dates are written: 21/9/2025 is dmy, 9/21/2025 is mdy. ISO dates (2025-09-21) are read in any case."
    )
