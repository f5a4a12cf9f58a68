"""Signed URLs: create and verify URLs that work without a token, for an hour by default and exactly as signed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import SecretKey

SECONDS = 3600


@dataclass(frozen=True, slots=True)
class VerifiedUrl:
    """The contents of a valid URL: the workspace that it was created in, and its other parameters."""

    workspace: uuid.UUID
    params: Mapping[str, str]


def sign(
    secrets: SecretKey,
    base: str,
    method: str,
    path: str,
    workspace: uuid.UUID,
    params: Mapping[str, str] | None = None,
    *,
    seconds: int = SECONDS,
) -> str:
    """`<base><path>?…&workspace=&expires=&signature=`. Method, path and every parameter are signed; it is good for `seconds`."""
    values = {**(params or {}), "workspace": str(workspace), "expires": str(int(clock.unix_seconds()) + seconds)}
    signature = secrets.sign(*_message(method, path, values.items()))
    return f"{base}{path}?{urlencode({**values, 'signature': signature})}"


def verify(secrets: SecretKey, method: str, path: str, query: Iterable[tuple[str, str]]) -> VerifiedUrl:
    """The contents of a URL's query. Refusal (403) when any of it was changed or it has expired."""
    pairs = list(query)
    values = dict(pairs)
    signature = values.pop("signature", "")
    workspace = ids.parse(values.get("workspace", ""))
    expires = values.get("expires", "")
    genuine = len(pairs) == len(values) + 1 and secrets.verify(signature, *_message(method, path, values.items()))
    if not genuine or workspace is None or not expires.isdigit():
        raise Refusal(403, "linkInvalid", "This link is not valid: it was changed or cut off. Ask for a new one.")
    if int(expires) <= clock.unix_seconds():
        raise Refusal(403, "linkExpired", "This link has expired. Ask for a new one.")
    del values["workspace"], values["expires"]
    return VerifiedUrl(workspace, values)


def _message(method: str, path: str, values: Iterable[tuple[str, str]]) -> list[str]:
    return ["url", method, path, *(part for pair in sorted(values) for part in pair)]
