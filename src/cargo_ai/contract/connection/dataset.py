"""Datasets of connectors and of the workspace itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.kernel.wire import JsonObject, Moment, Uuid, Wire


class Dataset(Wire):
    """A dataset. `connector_uuid` is null for those of kind native."""

    uuid: Uuid
    workspace_uuid: Uuid
    name: str
    slug: str
    kind: Literal["native", "connector"]
    connector_uuid: Uuid | None
    config: JsonObject = Field(default_factory=lambda: {"kind": "object"})
    created_at: Moment
    updated_at: Moment
    deleted_at: Moment | None
