"""Events of storage: what other domains react to when models or their records change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from cargo_ai.context.events import Event


@dataclass(frozen=True, slots=True)
class RecordsChanged(Event):
    """Records of a model were added, changed or removed: by a request, a file, a workflow node, a merge or a computed column."""

    model: uuid.UUID


@dataclass(frozen=True, slots=True)
class ModelChanged(Event):
    """The columns of a model, or their roles, were changed."""

    model: uuid.UUID
