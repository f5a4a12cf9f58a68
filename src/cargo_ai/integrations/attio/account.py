"""Accounts of Attio: an access token of one workspace, proven by what Attio says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cargo_ai.integrations.kit import AccountSpec, Answer, Bearer, Verification

ACCESS_TOKEN = Bearer(
    kind="accessToken",
    title="Access token",
    field="accessToken",
    description="In Attio: Workspace settings > Developers > New access token. Give it the scopes that the documentation names.",
)


def problem_of(answer: Answer) -> str | None:
    """What is wrong with a token. Attio answers 200 also of one that is not valid, and says `active: false`."""
    body: object = answer.body
    if isinstance(body, Mapping) and cast("Mapping[str, object]", body).get("active") is True:
        return None
    return (
        "Attio: the access token is not active. It is mistyped, was deleted, or is one of another service: "
        "make one in Attio (Workspace settings > Developers) and put it into the connector."
    )


ACCOUNT = AccountSpec(sign_ins=(ACCESS_TOKEN,), verification=Verification("/self", check=problem_of))
