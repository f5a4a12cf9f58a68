"""Webhook conforms, and proves deliveries as their senders sign them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cargo_ai.integrations.kit import ServiceError
from cargo_ai.integrations.webhook.account import scheme_of
from cargo_ai.integrations.webhook.events import Unreadable, challenge_of, read_events
from cargo_ai.integrations.webhook.signatures import Delivery, NotSigned, verify
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.faults import Orders

Json = Any
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ok.").decode()
NOW = 1_800_000_000
URL = "https://cargo.example.com/hooks/address"
BODY = b'{"id":"evt_1","type":"invoice.paid","data":{"object":{"email":"ada@example.com"}}}'


@dataclass
class _NoOneToCall:
    """What is behind a webhook connector: nothing."""

    key: str = SECRET
    url: str = ""
    control: Orders = field(default_factory=Orders)


@contextmanager
def _running() -> Generator[_NoOneToCall]:
    yield _NoOneToCall()


SUBJECT = Subject(
    slug="webhook",
    running=_running,
    account=lambda _simulator: {"scheme": "standard", "secret": SECRET},
    wrong=lambda _simulator: {"scheme": "standard", "secret": "whsec_!"},
    secret=SECRET,
    error=lambda _status, sentence: sentence,
    over_http=False,
    examples={},
)


class TestWebhook(IntegrationConformance):
    """A service that is not called."""

    subject = SUBJECT

    @pytest.mark.parametrize(("signed", "says"), [("{timestamp}.{body}", "timestampHeader"), ("{id}.{body}", "idHeader")])
    async def test_a_signature_that_no_delivery_can_have_is_refused_when_it_is_entered(
        self, harness: Harness, signed: str, says: str
    ) -> None:
        harness.account = {"scheme": "hmac", "secret": SECRET, "signatureHeader": "X-Signature", "signed": signed}
        verification = harness.integration.account.verification
        assert verification is not None
        with pytest.raises(ServiceError, match=says):
            await verification.verify(harness.service())


def _hmac(signed: bytes, *, key: bytes = SECRET.encode(), algorithm: str = "sha256") -> hmac.HMAC:
    return hmac.new(key, signed, algorithm)


def _hex(signed: bytes, **more: Any) -> str:
    return _hmac(signed, **more).hexdigest()


def _base64(signed: bytes, **more: Any) -> str:
    return base64.b64encode(_hmac(signed, **more).digest()).decode()


def _stripe(body: bytes, at: int) -> dict[str, str]:
    return {"stripe-signature": f"t={at},v0=unused,v1={'0' * 64},v1={_hex(str(at).encode() + b'.' + body)}"}


def _github(body: bytes, _at: int) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={_hex(body)}", "x-github-delivery": "d-1", "x-github-event": "push"}


def _hubspot(body: bytes, at: int) -> dict[str, str]:
    signature = _base64(b"POST" + URL.encode() + body + f"{at}000".encode())
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": f"{at}000"}


def _slack(body: bytes, at: int) -> dict[str, str]:
    return {"x-slack-signature": f"v0={_hex(f'v0:{at}:'.encode() + body)}", "x-slack-request-timestamp": str(at)}


def _standard(body: bytes, at: int) -> dict[str, str]:
    signature = _base64(f"msg_1.{at}.".encode() + body, key=base64.b64decode(SECRET.removeprefix("whsec_")))
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1a,other v1,{signature}"}


def _own(body: bytes, _at: int) -> dict[str, str]:
    return {"x-shop-hmac": _base64(body, algorithm="sha512"), "x-shop-id": "shop-1"}


def _token(_body: bytes, _at: int) -> dict[str, str]:
    return {"authorization": f"Bearer {SECRET}"}


OWN: dict[str, Json] = {
    "scheme": "hmac",
    "signatureHeader": "X-Shop-Hmac",
    "encoding": "base64",
    "algorithm": "sha512",
    "idHeader": "X-Shop-Id",
    "typePath": "type",
}
SENDERS: list[tuple[dict[str, Json], Any]] = [
    ({"scheme": "stripe"}, _stripe),
    ({"scheme": "github"}, _github),
    ({"scheme": "hubspot"}, _hubspot),
    ({"scheme": "slack"}, _slack),
    ({"scheme": "standard"}, _standard),
    (OWN, _own),
    ({"scheme": "token", "prefix": "Bearer "}, _token),
]


def _delivery(headers: Mapping[str, str], body: bytes = BODY, url: str = URL) -> Delivery:
    return Delivery("POST", url, {"content-type": "application/json", **headers}, body)


def _verify(config: dict[str, Json], delivery: Delivery, now: float = NOW) -> None:
    verify(scheme_of(config), SECRET, delivery, now=now, tolerance=300)


@pytest.mark.parametrize(("config", "sign"), SENDERS, ids=[config["scheme"] for config, _ in SENDERS])
def test_a_delivery_is_proven_as_its_sender_signs_it(config: dict[str, Json], sign: Any) -> None:
    headers = sign(BODY, NOW)
    _verify(config, _delivery(headers))
    if config["scheme"] != "token":
        with pytest.raises(NotSigned, match="not the one of this body"):
            _verify(config, _delivery(headers, BODY + b" "))
    with pytest.raises(NotSigned, match="missing"):
        _verify(config, _delivery({}))
    (name,) = {name for name in headers if "sign" in name or "hmac" in name or name == "authorization"}
    for wrong in ("", "é", "v1=", headers[name][:-2] + "00", ",".join(["v1=0"] * 500)):
        with pytest.raises(NotSigned):
            _verify(config, _delivery({**headers, name: wrong}))


@pytest.mark.parametrize("position", [0, 2, 3, 4])
def test_an_old_delivery_is_not_taken_again(position: int) -> None:
    config, sign = SENDERS[position]
    for now in (NOW + 301, NOW - 301):
        with pytest.raises(NotSigned, match="301 seconds"):
            _verify(config, _delivery(sign(BODY, NOW)), now)
    with pytest.raises(NotSigned):
        _verify(config, _delivery({name: value.replace(str(NOW), "soon") for name, value in sign(BODY, NOW).items()}))


def test_hubspot_signs_the_address_partly_decoded() -> None:
    url = f"{URL}?to=a%40b.example&x=%20"
    signature = _base64(b"POST" + f"{URL}?to=a@b.example&x=%20".encode() + BODY + f"{NOW}000".encode())
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": f"{NOW}000"}
    _verify({"scheme": "hubspot"}, _delivery(headers, url=url))


def test_an_event_says_what_it_is_and_nothing_that_proves_it() -> None:
    headers = {**_stripe(BODY, NOW), "authorization": "Bearer x", "x-api-key": "x", "x-trace": "t"}
    (event,) = read_events(scheme_of({"scheme": "stripe"}), _delivery(headers), "now")
    assert (event.id, event.type) == ("evt_1", "invoice.paid")
    assert event.record == {
        "_id": "evt_1",
        "_title": "invoice.paid",
        "type": "invoice.paid",
        "body": json.loads(BODY),
        "headers": {"content-type": "application/json", "x-trace": "t"},
        "receivedAt": "now",
    }


def test_another_id_beside_the_same_signed_content_is_a_repetition() -> None:
    scheme = scheme_of({"scheme": "github"})
    first, second = (read_events(scheme, _delivery({"x-github-delivery": uid}), "")[0] for uid in ("d-1", "d-2"))
    assert set(first.keys) & set(second.keys) and set(first.keys) != set(second.keys)


def test_each_event_of_a_list_is_known_whatever_the_attempt() -> None:
    scheme = scheme_of({"scheme": "hubspot"})

    def read(attempt: int) -> list[Any]:
        body = [{"eventId": 1, "subscriptionType": "contact.creation", "objectId": uid, "attemptNumber": attempt} for uid in (7, 8)]
        return read_events(scheme, _delivery({}, json.dumps(body).encode()), "")

    first, again = read(0), read(1)
    assert [event.type for event in first] == ["contact.creation"] * 2
    assert [event.keys for event in first] == [event.keys for event in again] and first[0].keys != first[1].keys


def test_slack_gets_its_challenge_and_its_buttons_are_read() -> None:
    scheme = scheme_of({"scheme": "slack"})
    assert challenge_of(scheme, _delivery({}, b'{"type":"url_verification","challenge":"abc"}')) == "abc"
    assert challenge_of(scheme, _delivery({}, b'{"type":"event_callback","text":"url_verification"}')) is None
    form = Delivery(
        "POST", URL, {"content-type": "application/x-www-form-urlencoded"}, b"payload=%7B%22type%22%3A%22block_actions%22%7D&a=1"
    )
    assert read_events(scheme, form, "")[0].body == {"payload": {"type": "block_actions"}, "a": "1"}


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a":NaN}', b"[" * 200 + b"]" * 200, b'{"a":"\\u0000"}', b"[" + b"1," * 100_001 + b"1]", b"\xff\xfe"],
    ids=["cut off", "not a number", "deep", "NUL", "many", "no text"],
)
def test_a_body_that_cannot_be_kept_is_refused(body: bytes) -> None:
    kind = "text/plain" if body[:1] == b"\xff" else "application/json"
    with pytest.raises(Unreadable):
        read_events(scheme_of({"scheme": "none"}), Delivery("POST", URL, {"content-type": kind}, body), "")


def test_the_key_of_an_id_is_no_content() -> None:
    (event,) = read_events(scheme_of({"scheme": "none", "idPath": "id"}), _delivery({}), "")
    assert [key.digest for key in event.keys] == [hashlib.sha256(b"id:evt_1").digest()]
