"""Public interface of content: add uploaded files, find files to read, and search in them."""

from __future__ import annotations

from cargo_ai.domains.content.files.attachments import NotAttached, read_attachment
from cargo_ai.domains.content.files.file_rows import Stored, add, find
from cargo_ai.domains.content.retrieval.passages import Passage, Scope, missing, passages, read_on, scope_of

__all__ = [
    "NotAttached",
    "Passage",
    "Scope",
    "Stored",
    "add",
    "find",
    "missing",
    "passages",
    "read_attachment",
    "read_on",
    "scope_of",
]
