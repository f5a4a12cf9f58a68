"""Public interface of content: add uploaded files, find files to read, and search in them."""

from __future__ import annotations

from cargo_ai.domains.content.files.attachments import NotAttached, read_attachment
from cargo_ai.domains.content.files.file_rows import Stored, add, find
from cargo_ai.domains.content.retrieval.passages import Findings, Passage, Scope, find_passages, missing, read_on, scope_of

__all__ = [
    "Findings",
    "NotAttached",
    "Passage",
    "Scope",
    "Stored",
    "add",
    "find",
    "find_passages",
    "missing",
    "read_attachment",
    "read_on",
    "scope_of",
]
