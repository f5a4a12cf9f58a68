"""Formats: times, numbers and JSON as people read them, as filters of templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from cargo_ai.kernel import clock

MAX_JSON = 20_000
"""Characters of a value that a page shows at once."""

_UNITS = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))


def moment(value: object) -> datetime | None:
    """A timestamp of the wire as a time; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def ago(value: object) -> str:
    """How long ago, or in how long: `3 min ago`, `in 2 h`."""
    at = moment(value)
    if at is None:
        return "–"
    seconds = (clock.now() - at).total_seconds()
    distance = abs(seconds)
    if distance < 10:
        return "now"
    amount = next((f"{int(distance // size)} {unit}" for size, unit in _UNITS if distance >= size), f"{int(distance)} s")
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def exact(value: object) -> str:
    """The time to the second, in UTC."""
    at = moment(value)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def took(start: object, end: object = None) -> str:
    """How long something took, or takes until now."""
    begin, finish = moment(start), moment(end) or clock.now()
    return duration((finish - begin).total_seconds()) if begin else "–"


def duration(seconds: float) -> str:
    """Seconds as `340 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    seconds = max(seconds, 0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3_600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds < 86_400:
        return f"{int(seconds // 3_600)} h {int(seconds % 3_600 // 60)} min"
    return f"{int(seconds // 86_400)} d {int(seconds % 86_400 // 3_600)} h"


def number(value: object) -> str:
    """A number with separators, and no more digits than it has."""
    if isinstance(value, bool) or value is None:
        return "–"
    try:
        exactly = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    text = f"{exactly:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(value: object, noun: str) -> str:
    """A number of things: `1 run`, `2,000 runs`."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def percent(part: object, whole: object) -> int:
    """How much of the whole a part is, from 0 to 100."""
    if not isinstance(part, (int, float)) or not isinstance(whole, (int, float)) or not whole:
        return 0
    return max(0, min(100, int(part * 100 // whole)))


def pretty(value: object) -> str:
    """JSON with indents; a long one is cut, and says so."""
    text = _text(value)
    return text if len(text) <= MAX_JSON else f"{text[:MAX_JSON]}\n… ({len(text) - MAX_JSON:,} more characters)"


def fits(value: object) -> bool:
    """Whether `pretty` shows all of it, so that it can be copied."""
    return len(_text(value)) <= MAX_JSON


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def inline(value: object) -> str:
    """A value on one line."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short(value: object) -> str:
    """The last characters of a uuid: its first ones are the time, which neighbours share."""
    text = str(value)
    return text[-12:] if len(text) == 36 else text


def words(value: object) -> str:
    """`noConcurrency` as `no concurrency`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in str(value)).strip()


FILTERS: dict[str, Callable[..., object]] = {
    "ago": ago,
    "exact": exact,
    "took": took,
    "duration": duration,
    "number": number,
    "counted": counted,
    "percent": percent,
    "pretty": pretty,
    "fits": fits,
    "inline": inline,
    "short": short,
    "words": words,
}
