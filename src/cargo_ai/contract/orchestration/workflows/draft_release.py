"""Draft releases: the one version of a graph that is being edited."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Text, Word
from cargo_ai.contract.orchestration.nodes.node import Nodes
from cargo_ai.contract.orchestration.workflows.release import FormFields, OfWorkflow, ReconcileOptions, ReleaseReply, ReleaseTestRecord
from cargo_ai.contract.orchestration.workflows.release_change import DeployedReply
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid

_NODES = (
    "The whole graph: a list of at most 500 nodes, such as "
    '{"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}.'
)
_FORM = 'The input form: [{"kind":"string","name":"Domain","slug":"domain","isRequired":true}].'
_OPTIONS = 'The connectors of nodes that name none, by integration: {"connectorUuidsByIntegrationSlug":{"http":"..."}}.'


class UpdateDraftRelease(OfWorkflow):
    """Replaces the given parts of the draft; absent fields stay. The graph may be invalid."""

    parent_uuid: Uuid | None = Field(
        default=None, description="The release that the draft is based on. It is recorded; the graph changes only by --nodes."
    )
    nodes: Nodes | None = Field(default=None, description=_NODES)
    test_records: Annotated[list[ReleaseTestRecord], Field(max_length=100)] | None = Field(
        default=None,
        description='Test inputs, at most 100: [{"kind":"data","data":{"domain":"acme.com"}}] or [{"kind":"id","id":"acme.com"}].',
    )
    form_fields: FormFields | None = Field(default=None, description=f"{_FORM} null removes the form.")
    options: ReconcileOptions | None = Field(default=None, description=_OPTIONS)


class DeployDraftRelease(OfWorkflow):
    """Deploy the draft. Nodes and form fields that are absent are those of the draft."""

    nodes: Nodes | None = Field(default=None, description=f"{_NODES} The draft's by default.")
    form_fields: FormFields | None = Field(default=None, description=f"{_FORM} null: no form; the draft's by default.")
    version: Word | None = Field(
        default=None, description="The version, such as 1.2.0, above the last one; the next patch version by default."
    )
    description: Text | None = Field(default=None, description="Release notes.")
    options: ReconcileOptions | None = Field(default=None, description=_OPTIONS)


GetReason = Literal["workflowNotFound"]
UpdateReason = Literal["workflowNotFound", "draftReleaseNotFound", "invalidParent", "failedToReconciliateNodes"]
DeployReason = Literal[
    "workflowNotFound",
    "draftReleaseNotFound",
    "draftReleaseNodesAreInvalid",
    "invalidReleaseVersion",
    "failedToReconciliateNodes",
    "toolReleaseRequiresFormFields",
]

_WORKFLOW_NOT_FOUND = refusal(404, "There is no workflow with uuid {uuid}.")
_DRAFT_NOT_FOUND = refusal(404, "Workflow {uuid} has no draft release.")
_NOT_RECONCILED = refusal(400, "The nodes cannot be connected: {cause}")

get: Operation[OfWorkflow, ReleaseReply, GetReason] = operations.add(
    Operation(
        "orchestration.draftRelease.get",
        "GET",
        "/orchestration/releases/draft",
        request=OfWorkflow,
        response=ReleaseReply,
        summary="Show the draft of a workflow's graph.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": _WORKFLOW_NOT_FOUND},
        cli=Cli(
            aliases=(("orchestration", "release", "get-draft"),),
            examples=("cargo-ai orchestration draft-release get --workflow-uuid UUID",),
        ),
    )
)

update: Operation[UpdateDraftRelease, ReleaseReply, UpdateReason] = operations.add(
    Operation(
        "orchestration.draftRelease.update",
        "POST",
        "/orchestration/releases/draft/update",
        request=UpdateDraftRelease,
        response=ReleaseReply,
        summary="Save a workflow's graph without deploying it.",
        permission="orchestration:workflow:write",
        refusals={
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "draftReleaseNotFound": _DRAFT_NOT_FOUND,
            "invalidParent": refusal(400, "parentUuid {uuid} is not a deployed or archived release of this workflow."),
            "failedToReconciliateNodes": _NOT_RECONCILED,
        },
        cli=Cli(
            aliases=(("orchestration", "release", "update-draft"),),
            examples=("cargo-ai orchestration draft-release update --workflow-uuid UUID --nodes @nodes.json",),
        ),
    )
)

deploy: Operation[DeployDraftRelease, DeployedReply, DeployReason] = operations.add(
    Operation(
        "orchestration.draftRelease.deploy",
        "POST",
        "/orchestration/releases/draft/deploy",
        request=DeployDraftRelease,
        response=DeployedReply,
        summary="Validate the draft and deploy it: new runs use it from now on.",
        permission="orchestration:workflow:write",
        refusals={
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "draftReleaseNotFound": _DRAFT_NOT_FOUND,
            "draftReleaseNodesAreInvalid": refusal(400, "The graph cannot be deployed: {faults}"),
            "invalidReleaseVersion": refusal(400, 'Version "{version}" cannot be used: {cause}'),
            "failedToReconciliateNodes": _NOT_RECONCILED,
            "toolReleaseRequiresFormFields": refusal(
                400, "The tool has a public form, so its release needs formFields: the fields that the form asks for."
            ),
        },
        cli=Cli(
            aliases=(("orchestration", "release", "deploy-draft"),),
            flags={"version": ("--version",)},
            examples=(
                "cargo-ai orchestration draft-release deploy --workflow-uuid UUID",
                "cargo-ai orchestration draft-release deploy --workflow-uuid UUID --nodes @nodes.json --form-fields null",
            ),
        ),
    )
)
