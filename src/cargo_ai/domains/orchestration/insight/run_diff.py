"""Run diff: read two runs from their journals and report the first node where they diverge."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.insight import run_diff as contract
from cargo_ai.domains.orchestration.insight import run_compare
from cargo_ai.domains.orchestration.insight.run_compare import Divergence, RunNode, RunTrace, Visit
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.kernel import ids

_WORDS = {
    "input": "They began with different records.",
    "node": "They came to different nodes: {0} and {1}.",
    "config": "{0} was asked for something else.",
    "output": "{0} was asked for the same and gave something else.",
    "status": "{0} went well in one of them only, though it was asked for the same.",
    "child": "{0} had the same output, but they continued with different nodes: the graphs differ.",
    "items": "{0} has started another number of runs.",
    "length": "One of them continued with {0}, where the other had ended.",
}


@handles(contract.diff)
async def diff(ctx: Context, request: contract.DiffRuns) -> contract.RunDiffReply:
    """The first node where two runs diverge. What is the same is read node by node; nothing after the divergence is."""
    first, second = await _row(ctx, request.uuid), await _row(ctx, request.other_uuid)
    count = run_compare.SameNodes()
    journals = _Journals(ctx)
    difference = await run_compare.find_divergence(
        await journals.trace(first), await journals.trace(second), journals.started, count, ignore_input=request.ignore_input
    )
    divergence = _to_response(difference) if difference is not None else None
    return contract.RunDiffReply(
        same=difference is None, same_nodes_count=count.nodes, divergence=divergence, first=_side(first), second=_side(second)
    )


async def _row(ctx: Context, text: str) -> RowMapping:
    uid = ids.parse(text)
    query = run_response.query(ctx.workspace, record=True).where(runs.c.uuid == uid)
    row = (await ctx.db.execute(query)).mappings().one_or_none() if uid else None
    return found_or_refuse(contract.diff, row, "runNotFound", uuid=text)


class _Journals:
    """Reads runs and their child runs from the journal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def trace(self, row: RowMapping) -> RunTrace:
        """What a run did."""
        entries, outputs = await run_response.journal(self._ctx.db, self._ctx.files, self._ctx.workspace, row["uuid"])
        return RunTrace(str(row["uuid"]), row["record"], [_visit(entry, output) for entry, output in zip(entries, outputs, strict=True)])

    async def started(self, first: RunNode, second: RunNode) -> tuple[Sequence[RunTrace], Sequence[RunTrace], bool]:
        """What a node of each has started, in the order of its items."""
        mine, theirs = await self._children(*first), await self._children(*second)
        are_items = any(row["is_group_parent"] for row in [*mine, *theirs])
        return [await self.trace(row) for row in mine], [await self.trace(row) for row in theirs], are_items

    async def _children(self, run: str, node: str) -> list[RowMapping]:
        parent: uuid.UUID | None = uuid.UUID(run)
        while parent is not None:
            query = run_response.query(self._ctx.workspace, record=True).where(
                runs.c.parent_uuid == parent, runs.c.parent_node_uuid == node
            )
            children = list((await self._ctx.db.execute(query.order_by(runs.c.item.nulls_first(), runs.c.uuid))).mappings())
            if children:
                return children
            # The child runs of reused executions were started by the original run.
            parent = await self._former(parent, node)
        return []

    async def _former(self, run: uuid.UUID, node: str) -> uuid.UUID | None:
        taken = select(executions.c.seq).where(
            executions.c.run_uuid == run, executions.c.node_uuid == node, executions.c.seq < runs.c.taken
        )
        query = select(runs.c.replay_of).where(runs.c.uuid == run, runs.c.workspace_uuid == self._ctx.workspace, runs.c.taken > 0)
        return await self._ctx.db.scalar(query.where(taken.exists()))


def _visit(entry: Mapping[str, Any], output: Any) -> Visit:
    return Visit(
        str(entry["node_uuid"]),
        entry["node_slug"],
        entry["status"],
        entry["child_index"],
        entry["config"],
        output if entry["status"] == "success" else None,
        entry["error_message"],
    )


def _side(row: RowMapping) -> contract.Side:
    return contract.Side(
        uuid=row["uuid"],
        workflow_uuid=row["workflow_uuid"],
        release_uuid=row["release_uuid"],
        record_id=row["record_id"],
        status=row["status"],
    )


def _to_response(divergence: Divergence) -> contract.Divergence:
    first, second = divergence.slugs
    inside = "".join(f"In {slug}{'' if item is None else f', item {item}'}: " for slug, item in divergence.steps)
    words = _WORDS[divergence.kind].format(first or second, second)
    return contract.Divergence(
        kind=divergence.kind,
        sentence=inside + words,
        steps=[contract.Step(node_slug=slug, item=item) for slug, item in divergence.steps],
        run_uuids=divergence.runs,
        index=divergence.index,
        node_slugs=divergence.slugs,
        values=[contract.ChangedValue(path=changed.path, first=changed.first, second=changed.second) for changed in divergence.values],
    )
