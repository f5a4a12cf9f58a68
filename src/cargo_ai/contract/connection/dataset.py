"""Datasets of connectors and of the workspace itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire


class Dataset(Wire):
    """A dataset. `connector_uuid` is null for those of kind native."""

    uuid: Uuid
    workspace_uuid: Uuid
    name: str
    slug: str
    kind: Literal["native", "connector"]
    connector_uuid: Uuid | None
    config: JsonObject = Field(default_factory=lambda: {"kind": "object"})
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
