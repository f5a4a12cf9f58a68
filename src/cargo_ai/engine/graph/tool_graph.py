"""Tool graphs: the graph that a tool node runs, as the owner of tools provides it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolGraph:
    """What a tool node runs: the tool's workflow, the release (None for a template) and its nodes."""

    workflow: uuid.UUID
    release: uuid.UUID | None
    nodes: Sequence[Mapping[str, Any]]


class ToolMissing(Exception):
    """There is nothing that the tool node could run; the message is for the user."""


FindTool = Callable[[uuid.UUID, Mapping[str, Any]], Awaitable[ToolGraph]]
"""(workspace, tool node) → what the node runs. Raises ToolMissing."""
