"""Enrichments: ask for one match, and return it with its likelihood and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import ActionRequest, Answer, Done, unexpected
from cargo_ai.integrations.people_data_labs.client import credits_of, is_match

Json = Any
_ABOUT = ("status", "likelihood", "matched", "dataset_version")


async def enrich(request: ActionRequest, path: str, query: Mapping[str, Json], title: str) -> Done:
    """The match; `found` is false without one. `title`: the field that names it."""
    # A match is charged each time: a call whose answer was lost is not repeated.
    answer = await request.service.call("GET", path, query=query, reads=False)
    spent, remaining = credits_of(answer)
    bill = {"creditsSpent": spent, "creditsRemaining": remaining}
    if not is_match(answer):
        return Done({"found": False, "likelihood": None, "data": None, **bill}, "No match")
    likelihood, data = _match_of(answer)
    return Done({"found": True, "likelihood": likelihood, "data": data, **bill}, str(data.get(title) or "Found"))


def _match_of(answer: Answer) -> tuple[int | None, Mapping[str, Json]]:
    """A person stands in `data`, a company beside the status."""
    raw: object = answer.body
    body = cast("dict[str, Json]", raw) if isinstance(raw, dict) else {}
    data = body.get("data") if "data" in body else {name: value for name, value in body.items() if name not in _ABOUT}
    if not isinstance(data, dict) or not data:
        raise unexpected("People Data Labs", answer, sent=True)
    likelihood = body.get("likelihood")
    return likelihood if isinstance(likelihood, int) else None, cast("dict[str, Json]", data)


def may_repeat(done: Done) -> bool:
    """Whether a cache may give it again: what was paid for; what is not there yet may come, and costs nothing to ask."""
    return done.output["found"]
