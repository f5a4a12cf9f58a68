"""Draft releases: show, save and deploy the draft of a workflow."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.workflows import draft_release as contract
from cargo_ai.contract.orchestration.workflows.release import OfWorkflow, ReleaseReply
from cargo_ai.contract.orchestration.workflows.release_change import DeployedReply
from cargo_ai.domains.orchestration.nodes import node
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.domains.orchestration.workflows import public_form, release_deploy
from cargo_ai.domains.orchestration.workflows.reconcile import NotReconciled, reconcile
from cargo_ai.domains.orchestration.workflows.release import to_response
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

_LIST = "cargo-ai orchestration workflow list"

DraftRequest = contract.UpdateDraftRelease | contract.DeployDraftRelease


@handles(contract.get)
async def get(ctx: Context, request: OfWorkflow) -> ReleaseReply:
    """The draft of a workflow."""
    row = await ctx.db.scalar(
        select(Release).where(
            Release.workflow_uuid == ids.parse(request.workflow_uuid), Release.status == "draft", Release.deleted_at.is_(None)
        )
    )
    row = found_or_refuse(contract.get, row, "workflowNotFound", uuid=request.workflow_uuid, fix=_LIST)
    return ReleaseReply(release=to_response(row))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateDraftRelease) -> ReleaseReply:
    """Replace the given parts of the draft. The graph may be unfinished: what is wrong with it is a warning until it is deployed."""
    workflow, draft = await _lock(ctx, contract.update, request.workflow_uuid)
    if request.parent_uuid is not None:
        draft.parent_uuid = (await _find_parent(ctx, draft, request.parent_uuid)).uuid
    if request.nodes is not None or request.options is not None:
        draft.nodes = await _resolve_nodes(ctx, contract.update, request, draft)
    if request.test_records is not None:
        draft.test_records = [record.stored() for record in request.test_records]
    if "form_fields" in request.model_fields_set:
        draft.form_fields = _form_fields(request)
    draft.user_uuid = ctx.who.user_uuid
    await ctx.db.flush()
    if request.nodes is not None or "form_fields" in request.model_fields_set:
        await release_deploy.warn_of_problems(ctx, workflow, draft.nodes, draft.form_fields)
    return ReleaseReply(release=to_response(draft))


@handles(contract.deploy)
async def deploy(ctx: Context, request: contract.DeployDraftRelease) -> DeployedReply:
    """Check the draft, freeze and number it, archive the one deployed before, and go on with a copy as the new draft."""
    workflow, draft = await _lock(ctx, contract.deploy, request.workflow_uuid)
    nodes = await _resolve_nodes(ctx, contract.deploy, request, draft)
    form_fields = _form_fields(request) if "form_fields" in request.model_fields_set else draft.form_fields
    await _validate(ctx, workflow, nodes, form_fields)
    tool = await release_deploy.tool_of(ctx.db, workflow)
    if tool is not None and public_form.is_enabled(tool) and form_fields is None:
        contract.deploy.refuse("toolReleaseRequiresFormFields")
    draft.version = await release_deploy.next_version(ctx, contract.deploy, workflow, request.version)
    former = await release_deploy.archive_deployed(ctx.db, workflow)
    draft.status, draft.deployed_at = "deployed", clock.now()
    draft.nodes, draft.form_fields = nodes, form_fields
    draft.user_uuid, draft.description = ctx.who.user_uuid, request.description
    await ctx.db.flush()
    ctx.db.add(_copy(draft))
    await ctx.db.flush()
    return await release_deploy.report_live(ctx, workflow, draft, former)


async def _lock(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> tuple[Workflow, Release]:
    """A workflow and its draft. The workflow is locked, so that those who save and deploy take turns."""
    workflow = await ctx.db.scalar(
        select(Workflow).where(Workflow.uuid == ids.parse(text), Workflow.kind != "hidden", Workflow.deleted_at.is_(None)).with_for_update()
    )
    workflow = found_or_refuse(operation, workflow, "workflowNotFound", uuid=text, fix=_LIST)
    draft = await ctx.db.scalar(select(Release).where(Release.workflow_uuid == workflow.uuid, Release.status == "draft"))
    draft = found_or_refuse(operation, draft, "draftReleaseNotFound", uuid=text)
    return workflow, draft


async def _find_parent(ctx: Context, draft: Release, text: str) -> Release:
    row = await ctx.db.scalar(
        select(Release).where(Release.uuid == ids.parse(text), Release.workflow_uuid == draft.workflow_uuid, Release.status != "draft")
    )
    return found_or_refuse(
        contract.update, row, "invalidParent", uuid=text, fix=f"cargo-ai orchestration release list --workflow-uuid {draft.workflow_uuid}"
    )


async def _resolve_nodes(ctx: Context, operation: Operation[Any, Any, Any], request: DraftRequest, draft: Release) -> list[JsonObject]:
    """The nodes that the request means: its own or the draft's, with the connectors of its options filled in."""
    nodes: list[JsonObject] = draft.nodes if request.nodes is None else node.stored(ctx, request.nodes)
    if request.options is None:
        return nodes
    try:
        return await reconcile(ctx.db, nodes, request.options)
    except NotReconciled as error:
        operation.refuse("failedToReconciliateNodes", cause=error)


def _form_fields(request: DraftRequest) -> list[JsonObject] | None:
    return None if request.form_fields is None else [field.stored() for field in request.form_fields]


async def _validate(ctx: Context, workflow: Workflow, nodes: list[JsonObject], form_fields: list[JsonObject] | None) -> None:
    problems = await release_deploy.problems_of(ctx, workflow, nodes, form_fields)
    if problems is not None:
        sentence, details = problems
        contract.deploy.refuse("draftReleaseNodesAreInvalid", faults=sentence, details=details)


def _copy(deployed: Release) -> Release:
    return Release(
        workspace_uuid=deployed.workspace_uuid,
        workflow_uuid=deployed.workflow_uuid,
        user_uuid=deployed.user_uuid,
        parent_uuid=deployed.uuid,
        status="draft",
        nodes=deployed.nodes,
        form_fields=deployed.form_fields,
        test_records=deployed.test_records,
    )
