"""Native extractors: how a model of the workspace's own dataset gets its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class NativeExtractor:
    """A way for a model of the workspace's own dataset to get its records, as catalogs show it."""

    slug: str
    name: str
    description: str
    category: str
    icon: str
    config_schema: dict[str, Any]
    mode: dict[str, Any] = field(default_factory=dict[str, Any])
    kind: Literal["file", "query", "record"] = "record"
    preview: Literal["none", "records", "count"] = "none"
