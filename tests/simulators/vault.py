"""A small HashiCorp Vault: a KV engine of version 2 over HTTP, as its documentation describes it, with tokens, versions and seals.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 (read November 2026): data are at `/v1/<mount>/data/<path>`; a newest version
that was deleted is answered 404 with its metadata; a token that may not read is answered 403, a sealed Vault 503.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.kit.peers.echo_service import EchoService, Heard, Say


@dataclass
class VaultSimulator:
    """Vault on a service: `entries` by mount and path; `deleted` ones are gone; `sealed` until unsealed."""

    service: EchoService
    token: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    deleted: set[str] = field(default_factory=set[str])
    sealed: bool = False

    def put(self, path: str, **fields: Any) -> None:
        """Write a new version of an entry, such as `secret/crm`."""
        self.entries[path] = fields
        self.deleted.discard(path)
        mount, _, rest = path.partition("/")
        self.service.on(f"/v1/{mount}/data/{rest}", lambda heard: self._answer(path, heard))

    def reads(self) -> int:
        """How often it was asked."""
        return sum(heard.path.startswith("/v1/") for heard in self.service.heard)

    def _answer(self, path: str, heard: Heard) -> Say:
        if self.sealed:
            return _json(503, {"errors": ["Vault is sealed"]})
        if heard.headers.get("x-vault-token") != self.token or heard.method != "GET":
            return _json(403, {"errors": ["permission denied"]})
        metadata = {"created_time": "2026-11-27T10:00:00Z", "deletion_time": "", "destroyed": False, "version": 1}
        if path in self.deleted:
            return _json(404, {"data": {"data": None, "metadata": metadata | {"deletion_time": "2026-11-27T11:00:00Z"}}})
        return _json(
            200, {"request_id": "r", "lease_id": "", "renewable": False, "data": {"data": self.entries[path], "metadata": metadata}}
        )


def _json(status: int, document: Any) -> Say:
    return Say(status, json.dumps(document).encode(), {"content-type": "application/json"})
