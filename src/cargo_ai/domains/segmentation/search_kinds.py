"""Search kinds of segmentation: segments by name."""

from __future__ import annotations

from sqlalchemy import and_, not_

from cargo_ai.context.search_kinds import named
from cargo_ai.domains.segmentation.tables import Segment

KINDS = (
    named(
        "segment",
        "segmentation:read",
        uid=Segment.uuid,
        name=Segment.name,
        slug=Segment.slug,
        living=and_(Segment.deleted_at.is_(None), not_(Segment.from_play)),
    ),
)
