"""Recall: read what the nodes of earlier runs on a record answered, so that a dry run need not guess."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import RowMapping, select

from cargo_ai.engine.graph.action import Done
from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.store.session import ALL_WORKSPACES, Database

MAX_RUNS = 3
MAX_BELOW = 500
"""How many runs below those are looked at: the items of groups, and tools."""


@dataclass(slots=True)
class RecordMemory:
    """The memory of one record in one workflow; read when it is first asked."""

    database: Database
    workspace: uuid.UUID
    workflow: uuid.UUID
    record: str
    _answers: dict[str, list[RowMapping]] | None = field(default=None)

    async def recall(self, slug: str, config: Mapping[str, Any]) -> Done | None:
        """What the node (a path of slugs) gave when it was asked for exactly this; of several answers the last."""
        if self._answers is None:
            self._answers = await self._read()
        requested = from_json(to_json(config, inf_nan_mode="null"))
        for row in self._answers.get(slug.rpartition(".")[2], ()):
            if row["config"] == requested:
                return Done(row["output"], child=row["child_index"])
        return None

    async def _read(self) -> dict[str, list[RowMapping]]:
        mine = (
            select(runs.c.uuid)
            .where(runs.c.workspace_uuid == self.workspace, runs.c.workflow_uuid == self.workflow, runs.c.record_id == self.record)
            .where(runs.c.fanout_uuid.is_(None), runs.c.finished_ms.is_not(None))
            .order_by(runs.c.uuid.desc())
            .limit(MAX_RUNS)
        )
        below = select(runs.c.uuid).where(runs.c.parent_uuid.in_(mine)).limit(MAX_BELOW)
        answers: dict[str, list[RowMapping]] = {}
        async with self.database.session(ALL_WORKSPACES) as db:
            uuids = [*await db.scalars(mine), *await db.scalars(below)]
            for row in (await db.execute(self._executions(uuids))).mappings():
                answers.setdefault(row["node_slug"], []).append(row)
        return answers

    def _executions(self, uuids: list[uuid.UUID]):
        return (
            select(executions.c.node_slug, executions.c.config, executions.c.output, executions.c.child_index)
            .where(executions.c.workspace_uuid == self.workspace, executions.c.status == "success", executions.c.output_file.is_(None))
            .where(executions.c.run_uuid.in_(uuids), ~executions.c.is_dropped)
            .order_by(executions.c.run_uuid.desc())
        )
