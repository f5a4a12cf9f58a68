"""How ZeroBounce is called: its addresses, what its errors mean (some come with status 200), and how fast calls may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import ErrorRule, Policy, Route, ServiceSpec
from cargo_ai.integrations.kit.errors import at, words_of

Json = Any

VALIDATION_SECONDS = 70.0
"""ZeroBounce asks a mail server for up to a minute; an answer that is not awaited is charged all the same."""
BLOCK_SECONDS = 60.0
"""For so long it lets no validation through after too many of them."""

_HOSTS = {"us": "api-us", "eu": "api-eu"}
_NO_KEY = "Copy it from https://www.zerobounce.net/members/API and put it into the connector."


def address(config: Mapping[str, Json]) -> str:
    """The address of an account's region."""
    return f"https://{_HOSTS.get(str(config.get('region')), 'api')}.zerobounce.net/v2"


def words(body: Json) -> str:
    """ZeroBounce's sentence, which sometimes stands in a list."""
    return next((text for text in at(body, "error.0") if isinstance(text, str)), "") or words_of(body)


ERRORS = (
    ErrorRule(
        "fail",
        status=range(200, 500),
        path="error",
        text="api.?key|credit",
        message="{said}. ZeroBounce does not say which: `cargo-ai connection connector get UUID --verify` does, and `getCredits`. "
        "It blocks an account for an hour after 200 wrong keys in an hour.",
        reason="unauthorized",
    ),
    ErrorRule("fail", status=200, path="Credits", text="^-1$", message=f"The API key is not accepted. {_NO_KEY}", reason="unauthorized"),
    ErrorRule("fail", status=200, path="error", text="^(?!null$).", message="{said}", reason="invalidRequest"),
    ErrorRule(
        "fail",
        status=400,
        message="The request is not understood: {said} ZeroBounce blocks an account for an hour after 100 such requests in a minute: "
        "mend what sends them before you repeat it.",
        reason="invalidRequest",
    ),
    ErrorRule(
        "fail",
        status=403,
        message="ZeroBounce's API Shield lets nothing of this account through for a while. It is not the key: wait, then repeat it. {said}",
        reason="forbidden",
    ),
    ErrorRule("wait", status=429, message="Calls come too fast: {said}", reason="rateLimited", seconds=BLOCK_SECONDS),
)

POLICIES = (
    Policy(80_000, 10, Route("GET", "/validate"), scope="account", strategy="burst"),
    Policy(80_000, 3600, Route("GET", "/getcredits"), scope="account", strategy="burst"),
)

SERVICE = ServiceSpec(base_url=address, errors=ERRORS, policies=POLICIES, words=words, timeout=VALIDATION_SECONDS)
