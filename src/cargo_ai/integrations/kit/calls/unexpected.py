"""Unexpected answers: responses that do not have the documented form, for instance from a proxy."""

from __future__ import annotations

from typing import Any, cast

from cargo_ai.integrations.kit.calls.service_call import Answer
from cargo_ai.integrations.kit.errors import ServiceError

Json = Any


def unexpected(service: str, answer: Answer, *, sent: bool = False) -> ServiceError:
    """The error for such an answer. `sent`: what was asked for may have been done."""
    text = f"{service}: the answer does not have the form that its API documents."
    return ServiceError(text, status=answer.status, reason="unexpectedAnswer", sent=sent)


def object_of(service: str, answer: Answer, *, sent: bool = False) -> dict[str, Json]:
    """The JSON object of an answer. ServiceError where it is something else."""
    body: object = answer.body
    if not isinstance(body, dict):
        raise unexpected(service, answer, sent=sent)
    return cast("dict[str, Json]", body)
