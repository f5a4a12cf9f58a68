"""Signatures: prove that a delivery comes from who has the secret, and that it is not an old one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["sha256", "sha512", "sha1"]
Encoding = Literal["hex", "base64"]
MAX_SIGNATURES = 10
_PLACEHOLDER = re.compile(r"\{(body|timestamp|id|method|url)\}")
_DIGITS = re.compile(r"[0-9]{1,16}")
# HubSpot signs the address with these, and no other characters, decoded.
_DECODED = {
    "3A": ":",
    "2F": "/",
    "3F": "?",
    "40": "@",
    "21": "!",
    "24": "$",
    "27": "'",
    "28": "(",
    "29": ")",
    "2A": "*",
    "2C": ",",
    "3B": ";",
}
_ENCODED = re.compile(f"%({'|'.join(_DECODED)})", re.IGNORECASE)


class NotSigned(Exception):
    """The delivery is not proven; the message says what is wrong, and nothing of the secret."""


class InvalidSecret(NotSigned):
    """The secret cannot be one of this kind of sender."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as it came in. headers: by lower-case name. url: as the sender called it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How a sender signs its deliveries, and where it says which event a delivery is.

    header: where the signature stands; prefix: before it. signed: the text that is signed: {body}, {timestamp}, {id}, {method}, {url}.
    timestamp: the header with the time of sending, in seconds or `milliseconds`. elements: header and timestamp stand together, as in
        `t=…,v1=…`. several: the header may hold several signatures with spaces between.
    is_token: the header holds the secret itself. encoded_secret: the key is what base64 after `whsec_` stands for.
    id_header, id_path: where the id of the event is; type_header, type_paths: its type. is_list: the body is a list of events.
    answer: counts, with status 202; or empty, with 200, of a sender that shows people what it is answered.
    """

    header: str = ""
    prefix: str = ""
    signed: str = "{body}"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    timestamp: str = ""
    milliseconds: bool = False
    elements: bool = False
    several: bool = False
    is_token: bool = False
    encoded_secret: bool = False
    id_header: str = ""
    id_path: str = ""
    type_header: str = ""
    type_paths: tuple[str, ...] = ()
    is_list: bool = False
    answer: Literal["counts", "empty"] = "counts"

    @property
    def is_signed(self) -> bool:
        """Whether the sender signs what it sends."""
        return bool(self.header) and not self.is_token

    @property
    def signs_time(self) -> bool:
        """Whether the time of sending is signed, so that an old delivery is known as one."""
        return "{timestamp}" in self.signed

    def id_of(self, delivery: Delivery) -> str:
        """The id in the header; "" without one."""
        return delivery.headers.get(self.id_header.lower(), "").strip() if self.id_header else ""


def verify(scheme: Scheme, secret: str, delivery: Delivery, *, now: float, tolerance: float) -> None:
    """Prove a delivery. NotSigned where its signature is missing, wrong or older than `tolerance` seconds. Takes the same time for every
    signature of a length, so that it cannot be guessed bit by bit."""
    if not scheme.header:
        return
    header = delivery.headers.get(scheme.header.lower(), "").strip()
    if not header:
        raise NotSigned(f"The header {scheme.header} is missing.")
    if scheme.is_token:
        if not header.startswith(scheme.prefix) or not hmac.compare_digest(header[len(scheme.prefix) :].encode(), secret.strip().encode()):
            raise NotSigned(f"The header {scheme.header} does not hold the secret of this hook.")
        return
    timestamp = _timestamp(scheme, delivery, header)
    expected = _expected(scheme, secret, delivery, timestamp)
    # All are compared, whichever fits: the time must not say which.
    if not sum(hmac.compare_digest(expected, candidate.encode()) for candidate in _candidates(scheme, header)):
        raise NotSigned(f"The signature in {scheme.header} is not the one of this body: compare the secret with the sender's.")
    if scheme.signs_time:
        age = now - int(timestamp) / (1000 if scheme.milliseconds else 1)
        if abs(age) > tolerance:
            raise NotSigned(
                f"The delivery was signed {abs(age):.0f} seconds {'ago' if age > 0 else 'ahead'}: at most {tolerance:.0f} may be."
            )


def _timestamp(scheme: Scheme, delivery: Delivery, header: str) -> str:
    if not scheme.signs_time:
        return ""
    text = next(_elements(header, "t"), "") if scheme.elements else delivery.headers.get(scheme.timestamp.lower(), "").strip()
    if not _DIGITS.fullmatch(text):
        raise NotSigned("The time of signing is missing, or is not a number.")
    return text


def _candidates(scheme: Scheme, header: str) -> list[str]:
    if scheme.elements:
        found = list(_elements(header, "v1"))
    else:
        texts = header.split(" ") if scheme.several else [header]
        found = [text[len(scheme.prefix) :] for text in texts if text.startswith(scheme.prefix)]
    return [text.lower() if scheme.encoding == "hex" else text for text in found[:MAX_SIGNATURES]]


def _elements(header: str, name: str) -> Iterator[str]:
    for element in header.split(","):
        key, _, value = element.strip().partition("=")
        if key == name:
            yield value


def _expected(scheme: Scheme, secret: str, delivery: Delivery, timestamp: str) -> bytes:
    digest = hmac.new(key_of(scheme, secret), digestmod=getattr(hashlib, scheme.algorithm))
    parts = {
        "timestamp": timestamp.encode(),
        "id": scheme.id_of(delivery).encode(),
        "method": delivery.method.encode(),
        "url": _ENCODED.sub(lambda match: _DECODED[match[1].upper()], delivery.url).encode(),
        "body": delivery.body,
    }
    for index, part in enumerate(_PLACEHOLDER.split(scheme.signed)):
        digest.update(parts[part] if index % 2 else part.encode())
    return digest.hexdigest().encode() if scheme.encoding == "hex" else base64.b64encode(digest.digest())


def key_of(scheme: Scheme, secret: str) -> bytes:
    """The key of the HMAC. InvalidSecret where the secret holds none."""
    text = secret.strip()
    if not scheme.encoded_secret:
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise InvalidSecret("The secret of this hook is not base64 after whsec_: copy it again.") from None
