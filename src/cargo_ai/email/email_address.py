"""Addressee: who a letter goes to, read from what users write, with nothing in it that could become another header."""

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
    """What was given is no address; the message shows it and says why."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A mailbox: `address` is plain ASCII, its domain as the name system spells it."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]


def parse_addresses(value: object) -> tuple[EmailAddress, ...]:
    """The people that a text with commas, or a list of texts, names: `ann@example.com`, `Ann <ann@example.com>`. () for nothing.
    InvalidAddress for anything else."""
    if value is None or value == "":
        return ()
    given: Sequence[object] = cast("Sequence[object]", value) if isinstance(value, list) else (value,)
    texts = [one if isinstance(one, str) else _not_text(one) for one in given]
    for text in texts:
        if _CONTROL.search(text):
            raise InvalidAddress(f"{_shown(text)} has a line break or another control character in it.")
    found = [_person(part.strip()) for text in texts for part in _PART.findall(text) if part.strip()]
    return tuple({one.address.lower(): one for one in reversed(found)}.values())[::-1]


def parse_address(text: str) -> EmailAddress:
    """The one person that the text names. InvalidAddress when it is nobody, or several."""
    found = parse_addresses(text)
    if len(found) != 1:
        raise InvalidAddress("nobody is named." if not found else "only one address can be given.")
    return found[0]


def _person(text: str) -> EmailAddress:
    found = _PERSON.match(text)
    if found is None:
        raise InvalidAddress(f"{_shown(text)} is no e-mail address.")
    quoted, plain, address, bare = found.group("quoted", "plain", "address", "bare")
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (plain or "").strip()
    return _addressee(name, address or bare)


def _addressee(name: str, address: str) -> EmailAddress:
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        ascii_domain = ""
    if len(address) > MAX_ADDRESS_LENGTH or len(local) > 64 or not _LOCAL.match(local) or not _DOMAIN.match(ascii_domain):
        raise InvalidAddress(f"{_shown(address)} is no e-mail address.")
    return EmailAddress(f"{local}@{ascii_domain}", name.strip()[:MAX_NAME_LENGTH])


def _not_text(value: object) -> str:
    raise InvalidAddress(f"{_shown(repr(value))} is no e-mail address.")


def _shown(text: str) -> str:
    clean = _CONTROL.sub("�", text)
    return repr(clean if len(clean) <= 80 else clean[:79] + "…")
