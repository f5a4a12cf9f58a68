"""Events: what a delivery tells, as a record of a run, and the keys by which a repetition of it is known."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic_core import from_json

from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.webhook.signatures import Delivery, Scheme
from cargo_ai.kernel.schemas import json_limits

Json = Any
MAX_EVENTS = 100
MAX_ITEMS = 100_000
MAX_HEADERS = 40
LONGEST_HEADER = 1_000
LONGEST_ID = 500
FOR_EVER = 30 * 86_400.0
"""For so long a key is remembered."""
AN_HOUR = 3_600.0
_PRIVATE = re.compile(r"auth|cookie|credential|key|passw|secret|session|signature|token|^x-(forwarded|real)|^(connection|host|te)$")


class Unreadable(Exception):
    """The body cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A key that must not have been seen for `seconds`."""

    digest: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event. record: what a run gets. keys: all of them are new, or the event is a repetition."""

    id: str
    type: str
    body: Json
    record: dict[str, Json]
    keys: tuple[SeenKey, ...]


def read_events(scheme: Scheme, delivery: Delivery, received_at: str) -> list[HookEvent]:
    """The events of a delivery that is proven. Unreadable where its body cannot be read."""
    body = _body(delivery)
    headers = _headers(scheme, delivery)
    if scheme.is_list and isinstance(body, list):
        items = cast("list[Json]", body)
        if len(items) > MAX_EVENTS:
            raise Unreadable(f"The delivery has {len(items)} events: at most {MAX_EVENTS} are taken at once.")
        return [_event(scheme, delivery, item, headers, received_at, _canonical(item)) for item in items]
    return [_event(scheme, delivery, body, headers, received_at, delivery.body)]


def challenge_of(scheme: Scheme, delivery: Delivery) -> str | None:
    """The text that Slack asks to send back when an address is entered; None for everything else."""
    if scheme.header != "X-Slack-Signature" or b"url_verification" not in delivery.body:
        return None
    body = _body(delivery)
    fields: Mapping[str, Json] = cast("Mapping[str, Json]", body) if isinstance(body, Mapping) else {}
    challenge = fields.get("challenge")
    return challenge if fields.get("type") == "url_verification" and isinstance(challenge, str) else None


def record_of(event: HookEvent, path: str | None) -> dict[str, Json] | None:
    """The record in an event, None where there is no object at the path."""
    value: object = event.body if not path else next(at(event.body, path), None)
    return dict(cast("Mapping[str, Json]", value)) if isinstance(value, Mapping) else None


def _event(scheme: Scheme, delivery: Delivery, body: Json, headers: dict[str, str], received_at: str, content: bytes) -> HookEvent:
    uid = scheme.id_of(delivery) or (_text_at(body, scheme.id_path) if scheme.id_path else "")
    kind = delivery.headers.get(scheme.type_header.lower(), "").strip() if scheme.type_header else ""
    kind = (kind or next((text for path in scheme.type_paths if (text := _text_at(body, path))), ""))[:200]
    record: dict[str, Json] = {"_id": uid[:LONGEST_ID]} if uid else {}
    record |= {"_title": kind or "event", "type": kind, "body": body, "headers": headers, "receivedAt": received_at}
    return HookEvent(uid, kind, body, record, tuple(_keys(scheme, uid, content)))


def _keys(scheme: Scheme, uid: str, content: bytes) -> list[SeenKey]:
    keys = [_key("id", uid.encode(), FOR_EVER)] if uid else []
    if scheme.is_list or (scheme.is_signed and not scheme.signs_time):
        # A signature without a time is good forever, so that what it covers is taken once, whatever id is said beside it.
        keys.append(_key("content", content, FOR_EVER))
    elif not uid:
        keys.append(_key("content", content, AN_HOUR))
    return keys


def _key(kind: str, value: bytes, seconds: float) -> SeenKey:
    return SeenKey(hashlib.sha256(f"{kind}:".encode() + value).digest(), seconds)


def _canonical(item: Json) -> bytes:
    """An event of a list without the number of the attempt, which is all that a repetition has of its own."""
    fields = (
        {key: value for key, value in cast("dict[str, Json]", item).items() if key != "attemptNumber"} if isinstance(item, dict) else item
    )
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _body(delivery: Delivery) -> Json:
    raw, kind = delivery.body, delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return _form(raw)
    if kind.endswith("json") or raw.lstrip()[:1] in (b"{", b"["):
        return _json(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("The body is not text: send JSON, a form or text in UTF-8.") from None
    return _checked(text)


def _json(raw: bytes) -> Json:
    shape = json_limits.measure(raw)
    if shape.items > MAX_ITEMS or shape.depth > json_limits.MAX_DEPTH:
        raise Unreadable(f"The body has more than {MAX_ITEMS:,} values, or more than {json_limits.MAX_DEPTH} levels.")
    try:
        return _checked(from_json(raw, allow_inf_nan=False))
    except ValueError as error:
        raise Unreadable(f"The body is not valid JSON: {error}.") from None


def _form(raw: bytes) -> Json:
    try:
        fields: dict[str, Json] = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=1_000))
    except ValueError:
        raise Unreadable("The body is not a form of at most 1,000 fields in UTF-8.") from None
    payload: Json = fields.get("payload")
    if isinstance(payload, str) and payload.startswith("{"):
        # Slack's buttons and dialogs send JSON in a field of this name.
        fields["payload"] = _json(payload.encode())
    return _checked(fields)


def _checked(value: Json) -> Json:
    if _has_nul(value):
        raise Unreadable("The body has the character NUL in it, which cannot be stored.")
    return value


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(inner) for key, inner in cast("dict[str, Json]", value).items())
    return isinstance(value, list) and any(_has_nul(inner) for inner in cast("list[Json]", value))


def _text_at(body: Json, path: str) -> str:
    value: object = next(at(body, path), None)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _headers(scheme: Scheme, delivery: Delivery) -> dict[str, str]:
    """What a run may know of the headers: none that proves anything."""
    kept = [name for name in delivery.headers if not _PRIVATE.search(name) and name != scheme.header.lower()]
    return {name: delivery.headers[name][:LONGEST_HEADER] for name in kept[:MAX_HEADERS]}
