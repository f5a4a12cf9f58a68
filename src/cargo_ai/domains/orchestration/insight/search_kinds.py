"""Search kinds of orchestration: tools and plays by name; runs, batches and reviews by their uuids."""

from __future__ import annotations

from cargo_ai.context.search_kinds import by_uuid, named
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.tables import Play, Tool
from cargo_ai.engine.journal.tables import batches, runs

_READ = "orchestration:workflow:read"

KINDS = (
    named("play", _READ, uid=Play.uuid, name=Play.name, living=Play.deleted_at.is_(None), also=[Play.workflow_uuid]),
    named("tool", _READ, uid=Tool.uuid, name=Tool.name, living=Tool.deleted_at.is_(None), also=[Tool.workflow_uuid]),
    by_uuid("run", _READ, runs.c.workspace_uuid, runs.c.uuid, runs.c.record_title),
    by_uuid("batch", _READ, batches.c.workspace_uuid, batches.c.uuid, batches.c.status),
    by_uuid("review", _READ, Review.workspace_uuid, Review.uuid, Review.title),
)
