"""Templates: graphs to begin with, one JSON file each, with places that have to be filled in."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from cargo_ai.kernel.wire import JsonObject

PLACEHOLDER = re.compile(r"__REPLACE_WITH_[A-Z_]+__")
CONNECTOR = "__REPLACE_WITH_CONNECTOR_UUID__"


@cache
def all_templates() -> tuple[JsonObject, ...]:
    """All templates, by slug: `{slug, name, description, kind, categories, nodes}` and what their kind adds. Not to be changed."""
    files = (file for file in resources.files(__name__).iterdir() if file.name.endswith(".json"))
    templates: list[JsonObject] = [json.loads(file.read_text("utf-8")) for file in files]
    return tuple(sorted(templates, key=lambda template: str(template["slug"])))


def find(slug: str) -> JsonObject | None:
    """The template of that name."""
    return next((template for template in all_templates() if template["slug"] == slug), None)


def fill(nodes: list[JsonObject]) -> list[JsonObject]:
    """The nodes with the integrations' default connectors where a connector has to be filled in."""
    return [{key: value for key, value in node.items() if value != CONNECTOR} for node in nodes]


def placeholders(nodes: Any) -> list[str]:
    """What has to be filled in anywhere in the nodes, each once."""
    return list(dict.fromkeys(PLACEHOLDER.findall(json.dumps(nodes))))
