"""Events of segmentation: what other domains react to when the records of a segment change."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from cargo_ai.context.events import Event


@dataclass(frozen=True, slots=True)
class SegmentChanged(Event):
    """A comparison has found a change of a segment. `counts`: how many records were added, updated, removed, and stayed unchanged."""

    segment: uuid.UUID
    change: uuid.UUID
    model: uuid.UUID
    is_watched: bool
    counts: Mapping[str, int]
