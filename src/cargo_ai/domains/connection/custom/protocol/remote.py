"""Remote integrations: calls of a server that speaks the protocol, signed where a secret is agreed on."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit import Answer, Service, ServiceError
from cargo_ai.kernel import clock

Json = Any
JsonObject = dict[str, Json]

TIMESTAMP, SIGNATURE = "x-cargo-timestamp", "x-cargo-signature"
NO_CONNECTOR = "00000000-0000-0000-0000-000000000000"
"""The uuid of an account that is not stored yet."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def connector(service: Service) -> JsonObject:
    """The account as the protocol shows it, its secrets opened."""
    config = {} if service.account is None else dict(service.account.config)
    return {"uuid": service.connector or NO_CONNECTOR, "workspaceUuid": service.workspace, "config": config}


@dataclass(frozen=True, slots=True)
class Remote:
    """A server that speaks the protocol. secret: what signs requests, "": nothing does."""

    secret: str = ""

    async def ask(self, service: Service, path: str, body: JsonObject, *, reads: bool) -> Json:
        """The answer to a request, as JSON. ServiceError, Throttled as `Service.call`; ServiceError also for what is not an answer."""
        answer = await service.call("POST", path, json=body, headers=self.headers(body), reads=reads)
        return _expected(service, answer, (dict, list))

    async def manifest(self, service: Service) -> Json:
        """What the server announces. Errors as of `ask`."""
        answer = await service.call("GET", "manifest", headers=self.headers(None), reads=True)
        return _expected(service, answer, (dict,))

    def headers(self, body: JsonObject | None) -> Mapping[str, str]:
        """The signature of a request with this body."""
        if not self.secret:
            return {}
        timestamp = str(int(clock.unix_seconds()))
        text = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return {TIMESTAMP: timestamp, SIGNATURE: signature(self.secret, timestamp, text)}


def _expected(service: Service, answer: Answer, kinds: tuple[type, ...]) -> Json:
    if not isinstance(answer.body, kinds):
        raise ServiceError(f"{service.name} answered {answer.status} without a JSON object.", reason="unexpectedAnswer", sent=True)
    return answer.body
