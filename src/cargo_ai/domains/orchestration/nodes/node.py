"""Nodes: validate a graph without saving it."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.nodes import node as contract
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.engine.graph.action import Schema
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_LIST = "cargo-ai orchestration workflow list"


@handles(contract.validate)
async def validate(ctx: Context, request: contract.ValidateNodes) -> contract.Validation:
    """`valid`, or every fault of the graph; and what is doubtful about it."""
    nodes = stored(ctx, request.nodes)
    start = await _start(ctx, request.workflow_uuid) if request.workflow_uuid is not None else None
    report = await validation.examine(ctx, nodes, start)
    doubts = [contract.NodeWarning.model_validate(doubt.to_wire()) for doubt in report.doubts] or None
    if not report.faults:
        return contract.Validation(outcome="valid", warnings=doubts)
    faults = [contract.InvalidNode.model_validate(fault.to_wire()) for fault in report.faults]
    return contract.Validation(outcome="notValid", invalid_nodes=faults, warnings=doubts)


async def _start(ctx: Context, text: str) -> Schema | None:
    """What `start` gives in the workflow, by the form of its draft."""
    query = select(Workflow).where(Workflow.uuid == ids.parse(text), Workflow.kind != "hidden", Workflow.deleted_at.is_(None))
    workflow = found_or_refuse(contract.validate, await ctx.db.scalar(query), "workflowNotFound", uuid=text, fix=_LIST)
    draft = await ctx.db.scalar(select(Release.form_fields).where(Release.workflow_uuid == workflow.uuid, Release.status == "draft"))
    return await validation.start_of(ctx, workflow, draft)


def stored(ctx: Context, nodes: list[contract.Node]) -> list[JsonObject]:
    """The nodes as they are kept; warns of slugs that several of them have."""
    kept = [node.stored() for node in nodes]
    for slug in validation.repeated_slugs(kept):
        ctx.warn(f"Several nodes have the slug {slug}: nodes.{slug} is the output of the one visited last.")
    return kept
