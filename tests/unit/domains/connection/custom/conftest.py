"""Fixtures of the tests of custom integrations: a backend per module, and a scripted server that speaks the protocol."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.fake_api import FakeApi

MANIFEST: Body = {
    "name": "Warehouse",
    "description": "Knows what is in stock.",
    "connector": {
        "config": {
            "jsonSchema": {
                "type": "object",
                "properties": {"apiKey": {"type": "string"}, "region": {"type": "string"}},
                "required": ["apiKey"],
            },
            "uiSchema": {"apiKey": {"ui:widget": "password"}},
        }
    },
    "actions": {
        "countStock": {
            "name": "Count stock",
            "description": "Counts what is there of an article.",
            "config": {
                "jsonSchema": {
                    "type": "object",
                    "properties": {"article": {"$ref": "#/definitions/expression"}, "depth": {"type": "integer", "maximum": 5}},
                    "required": ["article"],
                },
                "uiSchema": {"article": {"ui:widget": "ExpressionWidget"}},
            },
            "executing": {"retry": {"initialInterval": 10}},
        },
        "choose": {"name": "Choose", "config": {"jsonSchema": {}}, "children": [{"text": "in stock"}, {"text": "sold out"}]},
    },
    "autocompletes": [{"slug": "articles", "params": {"jsonSchema": {"type": "object", "properties": {"region": {"type": "string"}}}}}],
    "dynamicSchemas": [{"slug": "fields", "params": {"jsonSchema": {"type": "object"}}}],
}
KEY = "key-4711-very-secret"


@dataclass
class Server:
    """A server that speaks the protocol as far as a test tells it to."""

    api: FakeApi
    manifest: Body = field(default_factory=lambda: copy.deepcopy(MANIFEST))

    @property
    def url(self) -> str:
        """Its base address."""
        return self.api.url

    def announce(self, **changes: Any) -> None:
        """Answer with this manifest from now on."""
        self.manifest |= changes
        self.api.on("GET", "/manifest", self.manifest)

    def execute(self, *answers: Any, slug: str = "countStock") -> None:
        """What the action answers, in order."""
        self.api.on("POST", f"/actions/{slug}/execute", *answers)

    def executed(self, slug: str = "countStock") -> list[Body]:
        """The bodies of the requests to an action."""
        return [request.json for request in self.api.sent("POST", f"/actions/{slug}/execute")]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that announces the manifest and accepts every account."""
    api = FakeApi()
    server = Server(api)
    server.announce()
    api.on("POST", "/authenticate", {"outcome": "success"})
    yield server
    api.close()


async def registered(backend: Backend, server: Server, slug: str, **fields: Any) -> str:
    """A custom integration with a connector `slug`; the connector's uuid."""
    await backend.admin.call("connection.customIntegration.create", kind="external", baseUrl=server.url, slug=slug, **fields)
    made = await backend.admin.call(
        "connection.connector.create", integrationSlug=slug, slug=slug, name=slug.title(), config={"apiKey": KEY, "region": "north"}
    )
    return str(made["connector"]["uuid"])


def graph(slug: str, action: str = "countStock", config: Body | None = None, **more: Any) -> list[Body]:
    """start → an action of the custom integration → end with its output."""
    acting = node(
        "act", action, ("end",), kind="connector", integrationSlug=slug, config=config or {"article": "{{nodes.start.article}}"}, **more
    )
    variables = [{"name": "answer", "type": "any", "value": "{{nodes.act}}"}]
    return [node("start", children=("act",)), acting, node("end", config={"variables": variables})]
