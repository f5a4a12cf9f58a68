"""Accounts of Apollo: an API key, proven by the endpoint that says whether a key is one, which every key may call."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, Answer, ApiKey, Verification
from cargo_ai.integrations.kit.errors import at

API_KEY = ApiKey(header="x-api-key", description="In Apollo: Settings > Integrations > Apollo API > API keys.")


def problem_of(answer: Answer) -> str | None:
    """What is wrong with the key: Apollo answers 200 to a wrong one, too."""
    if next(at(answer.body, "is_logged_in"), None) is True:
        return None
    return "Apollo: the API key is not accepted. Copy it from Settings > Integrations > Apollo API and put it into the connector."


ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/auth/health", check=problem_of))
