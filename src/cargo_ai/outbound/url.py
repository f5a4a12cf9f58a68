"""Addresses of calls: parsed once, strictly, into what a connection and a request line need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, urljoin

import idna

from cargo_ai.outbound import addresses

LONGEST = 65_536
INVALID = "is not a valid address"
DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?\Z", re.DOTALL)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"(?:[^@\[\]\\]*@)?(?:\[([0-9A-Fa-f:.]+)\]|([^:@\[\]\\]+))(?::([0-9]{0,5}))?\Z")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What may stand in a request line as it is. A `%` that begins no escape becomes one itself.
_PLAIN_TARGET = re.compile(r"/(?:[!$&-;=@-Z\[-_a-z|~?]|%[0-9A-Fa-f]{2})*\Z")
_UNSAFE = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!-~]|[\"<>`{}]")


class InvalidUrl(ValueError):
    """The text is not an address that can be called: `is not a valid address`, or another end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Url:
    """`host` in lower case and ASCII, an IPv6 address without brackets; `target`: path and query, percent-encoded, from the `/` on."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: secrets are sent on only where they are the same."""
        return (self.scheme, self.host.rstrip("."), self.port)

    @property
    def path(self) -> str:
        """The path, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def authority(self) -> str:
        """The host as the Host header names it: with its port where that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def with_query(self, added: str) -> Url:
        """The address with more of a query, which is percent-encoded already; what it says itself stays exactly as it is."""
        if not added:
            return self
        path, mark, query = self.target.partition("?")
        return replace(self, target=f"{path}?{query}{'&' if mark and query else ''}{added}")

    def join(self, location: str) -> Url:
        """Where a redirect leads from here. Raises InvalidUrl."""
        try:
            return parse_url(urljoin(str(self), location))
        except ValueError as error:
            raise error if isinstance(error, InvalidUrl) else InvalidUrl(INVALID) from None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def is_absolute(text: str) -> bool:
    """Whether the text is a URL with a scheme and a host."""
    return bool(_ABSOLUTE.match(text))


def parse_url(text: str) -> Url:
    """The URL of a text, without its user and its fragment. Raises InvalidUrl."""
    match = _PARTS.match(text)
    if match is None or len(text) > LONGEST:
        raise InvalidUrl(INVALID)
    scheme, authority, rest = match[1].lower(), match[2], match[3]
    if scheme not in DEFAULT_PORTS:
        raise InvalidUrl(f"must start with http:// or https://, not {scheme[:20]}://")
    if not authority:
        raise InvalidUrl("has no host")
    host, port = _parse_authority(authority)
    return Url(scheme, host, port or DEFAULT_PORTS[scheme], _target(rest))


@lru_cache(1024)
def parse_base_url(text: str) -> Url:
    """The same for an address that comes again with every call. Raises InvalidUrl."""
    return parse_url(text)


@lru_cache(1024)
def _parse_authority(text: str) -> tuple[str, int | None]:
    match = _AUTHORITY.match(text)
    if match is None:
        raise InvalidUrl(INVALID)
    six, name, port = match.groups()
    number = int(port) if port else None
    if number is not None and not 1 <= number <= 65_535:
        raise InvalidUrl(INVALID)
    return (_ipv6(six) if six else _name(name)), number


def _ipv6(text: str) -> str:
    if addresses.parse_ip(text) is None or ":" not in text:
        raise InvalidUrl(INVALID)
    return text.lower()


def _name(text: str) -> str:
    """The name in ASCII (`xn--…`), as the guard checks it and the service is asked for it."""
    name = text.lower()
    try:
        if not name.isascii():
            name = idna.encode(name).decode("ascii")
        elif "xn--" in name:
            idna.decode(name)
    except idna.IDNAError:
        raise InvalidUrl(INVALID) from None
    if not _NAME.match(name):
        raise InvalidUrl(INVALID)
    return name


def _target(rest: str) -> str:
    target = rest if rest.startswith("/") else f"/{rest}"
    if not _PLAIN_TARGET.match(target):
        if _CONTROL.search(target):
            raise InvalidUrl(INVALID)
        try:
            target = _UNSAFE.sub(lambda found: quote(found[0], safe=""), target)
        except UnicodeEncodeError:
            raise InvalidUrl(INVALID) from None
    return _without_dots(target) if "/." in target else target


def _without_dots(target: str) -> str:
    """The target with `.` and `..` of its path resolved (RFC 3986, 5.2.4)."""
    path, mark, query = target.partition("?")
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == ".." and kept:
            kept.pop()
        if segment not in {".", ".."}:
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return f"/{'/'.join(kept)}{mark}{query}"
