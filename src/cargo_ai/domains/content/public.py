"""Public interface of content: add uploaded files, find files to read, and search in them."""

from __future__ import annotations

from cargo_ai.domains.content.files.file_rows import Stored, add, find

__all__ = ["Stored", "add", "find"]
