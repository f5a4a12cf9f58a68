"""Row results: what a write-back has done to which record of its service, taken from the execution for SQL over all of them."""

from __future__ import annotations

from typing import NamedTuple, cast

from cargo_ai.engine.graph.action import Action, Call, Json


class RowResult(NamedTuple):
    """operation: created, updated, unchanged, skipped, deleted, or failed. external_id: the record in the service."""

    operation: str | None = None
    external_id: str | None = None


NO_RESULT = RowResult()
MAX_CHARACTERS = 500


def of(action: Action[Call], output: Json, error: str | None) -> RowResult:
    """The result of an execution; nothing for actions that are not write-backs."""
    if not action.writes_back:
        return NO_RESULT
    if error is not None:
        return RowResult("failed")
    if not isinstance(output, dict):
        return NO_RESULT
    fields = cast("dict[str, Json]", output)
    operation, record = fields.get("operation"), fields.get("recordId")
    return RowResult(_text(operation), None if record is None else _text(record))


def _text(value: Json) -> str | None:
    text = str(value)[:MAX_CHARACTERS].replace("\x00", "")
    return text.encode("utf-8", "replace").decode() if text else None
