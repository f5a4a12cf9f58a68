"""One attempt of an action, without an engine."""

from __future__ import annotations

import uuid
from typing import Any

from cargo_ai.engine.graph.action import Call, Outcome
from cargo_ai.integrations.kit import ActionRequest, OpenAccount, Service, ServiceSpec, attempt, integrations
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient

LOOPBACK = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})


def call(config: dict[str, Any], key: str = "run:node:1") -> Call:
    """One attempt of a node with this config."""
    some: uuid.UUID = ids.new()
    return Call(some, None, some, None, some, {}, config, {}, key, 1)


async def request(client: HttpClient, config: dict[str, Any], account: dict[str, Any] | None = None) -> Outcome:
    """What the HTTP action says."""
    http = integrations()["http"]
    opened = account or {}
    service = Service(http.service or ServiceSpec(""), http.name, client, OpenAccount(http.account, opened))
    sent = ActionRequest(config, opened, call(config), client, LOOPBACK, service, http.account.sensitive_texts(opened))
    action = http.action("request")
    assert action is not None
    return await attempt(action, sent)
