"""Addresses of webhook connectors: a path that only this server can make, so that a guessed one is known without a look at the database."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from dataclasses import dataclass

from cargo_ai.kernel.secrets import SecretKey

PATH = "/hooks/"
_NAMED = 34
"""Bytes that name a hook: workspace, connector, number of the address."""
_TEXT = 46
_SIGNATURE = 32


@dataclass(frozen=True, slots=True)
class HookAddress:
    """Where events for a connector are sent to. number: raised when the address is changed."""

    workspace: uuid.UUID
    connector: uuid.UUID
    number: int

    def path(self, secrets: SecretKey) -> str:
        """`/hooks/…`, the same each time."""
        named = self.workspace.bytes + self.connector.bytes + self.number.to_bytes(2, "big")
        text = base64.urlsafe_b64encode(named).rstrip(b"=").decode()
        return f"{PATH}{text}{_signature(secrets, text)}"


def parse(secrets: SecretKey, text: str) -> HookAddress | None:
    """The address that the last part of a path stands for; None for one that this server has not made."""
    if len(text) != _TEXT + _SIGNATURE or not text.isascii() or not _is_signed(secrets, text):
        return None
    try:
        named = base64.urlsafe_b64decode(text[:_TEXT] + "==")
    except binascii.Error:
        return None
    if len(named) != _NAMED:
        return None
    return HookAddress(uuid.UUID(bytes=named[:16]), uuid.UUID(bytes=named[16:32]), int.from_bytes(named[32:], "big"))


def _is_signed(secrets: SecretKey, text: str) -> bool:
    if hmac.compare_digest(_signature(secrets, text[:_TEXT]), text[_TEXT:]):
        return True
    return secrets.former is not None and _is_signed(secrets.former, text)


def _signature(secrets: SecretKey, text: str) -> str:
    return secrets.sign("hook", text)[:_SIGNATURE]
