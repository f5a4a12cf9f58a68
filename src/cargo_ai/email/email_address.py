"""E-mail addresses: parse what users write, and refuse what could inject another header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

MAX_ADDRESS_LENGTH = 254
MAX_NAME_LENGTH = 200
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z")
# One person: `Ann Lee <ann@example.com>`, `"Lee, Ann" <ann@example.com>`, `ann@example.com`. The library's own reading guesses too much.
_PART = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PERSON = re.compile(r'(?:(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>@,;:\\]*))\s*<(?P<address>[^<>\s]+)>|(?P<bare>[^<>\s"]+))\Z')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")


class InvalidAddress(ValueError):
    """The text is not an e-mail address; the message shows it and says why."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address with an optional name: plain ASCII, with an IDNA domain."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def parse_addresses(value: object) -> tuple[EmailAddress, ...]:
    """The addresses in a text with commas, or in a list of texts: `ann@example.com`, `Ann <ann@example.com>`. () for nothing.
    InvalidAddress for anything else."""
    if value is None or value == "":
        return ()
    items: Sequence[object] = cast("Sequence[object]", value) if isinstance(value, list) else (value,)
    texts = [item if isinstance(item, str) else _not_text(item) for item in items]
    for text in texts:
        if _CONTROL.search(text):
            raise InvalidAddress(f"{_quote(text)} has a line break or another control character in it.")
    addresses = [_parse_one(part.strip()) for text in texts for part in _PART.findall(text) if part.strip()]
    return tuple({address.address.lower(): address for address in reversed(addresses)}.values())[::-1]


def parse_address(text: str) -> EmailAddress:
    """The single address in a text. InvalidAddress for no address or more than one."""
    addresses = parse_addresses(text)
    if len(addresses) != 1:
        raise InvalidAddress("no address is given." if not addresses else "only one address can be given.")
    return addresses[0]


def _parse_one(text: str) -> EmailAddress:
    match = _PERSON.match(text)
    if match is None:
        raise InvalidAddress(f"{_quote(text)} is not an e-mail address.")
    quoted, plain, address, bare = match.group("quoted", "plain", "address", "bare")
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (plain or "").strip()
    return _checked_address(name, address or bare)


def _checked_address(name: str, address: str) -> EmailAddress:
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        ascii_domain = ""
    if len(address) > MAX_ADDRESS_LENGTH or len(local) > 64 or not _LOCAL.match(local) or not _DOMAIN.match(ascii_domain):
        raise InvalidAddress(f"{_quote(address)} is not an e-mail address.")
    return EmailAddress(f"{local}@{ascii_domain}", name.strip()[:MAX_NAME_LENGTH])


def _not_text(value: object) -> str:
    raise InvalidAddress(f"{_quote(repr(value))} is not an e-mail address.")


def _quote(text: str) -> str:
    clean = _CONTROL.sub("�", text)
    return repr(clean if len(clean) <= 80 else clean[:79] + "…")
