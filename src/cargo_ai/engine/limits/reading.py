"""Read rate limits from the headers of a response, in the forms that services use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cargo_ai.engine.limits.policy import Headers, Policy, Reading, ResetForm

MILLISECONDS_FROM = 1e11
"""Times since 1970 above this are in milliseconds (in seconds it would be the year 5138)."""
EPOCH_FROM = 1e8
"""Numbers above this are times since 1970: as a wait it would be three years."""
_NUMBER = re.compile(r"\s*([0-9]{1,16}(?:\.[0-9]{1,9})?)")


def of(policy: Policy, headers: Mapping[str, str]) -> Reading | None:
    """What the response says of the policy's limit, None where it says nothing that can be read."""
    if policy.headers is None:
        return None
    if not isinstance(policy.headers, Headers):
        return policy.headers(headers)
    names = policy.headers
    remaining = _number(_value(headers, names.remaining))
    if remaining is None:
        return None
    limit = _number(_value(headers, names.limit))
    opens_in, opens_at = _reset(headers, _value(headers, names.reset), names.form)
    return Reading(int(remaining), None if limit is None else int(limit), opens_in, opens_at)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The seconds that `Retry-After` asks for, None without one. `now`: seconds since 1970, where the response bears no date."""
    opens_in, opens_at = _reset(headers, _value(headers, "retry-after"), "any")
    if opens_at is not None and now is not None:
        opens_in = opens_at - now
    return None if opens_in is None else max(0.0, opens_in)


def _reset(headers: Mapping[str, str], text: str, form: ResetForm) -> tuple[float | None, float | None]:
    """(seconds from the response on, None) or (None, seconds since 1970), whichever is known; the service's own clock comes first."""
    number = _number(text)
    if form == "milliseconds":
        return (None if number is None else number / 1000), None
    if form == "seconds":
        return number, None
    if form == "any" and number is not None and number < EPOCH_FROM and not _is_date(text):
        return number, None
    at = _instant(text, number)
    sent = _instant(_value(headers, "date"), None)
    if at is None or sent is None:
        return None, at
    return max(0.0, at - sent), None


def _is_date(text: str) -> bool:
    return "-" in text or ":" in text


def _instant(text: str, number: float | None) -> float | None:
    if number is not None and not _is_date(text):
        return number / 1000 if number >= MILLISECONDS_FROM else number
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            found = parsedate_to_datetime(text)
        except ValueError:
            return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _number(text: str) -> float | None:
    """The number with which the text begins: `60`, `60;w=1`, `12.5`."""
    match = _NUMBER.match(text)
    return None if match is None else float(match[1])


def _value(headers: Mapping[str, str], name: str) -> str:
    if not name:
        return ""
    found = headers.get(name)
    if found is None:
        found = next((value for key, value in headers.items() if key.lower() == name.lower()), "")
    return found
