"""Release changes: differences between releases, rollbacks, and what a deployment changes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Text, Word
from cargo_ai.contract.orchestration.workflows.release import Release, ReleaseStatus
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire


class ReleaseNamed(Wire):
    """A release."""

    uuid: Uuid
    version: str | None
    status: ReleaseStatus


class LivePlay(Wire):
    """The play that the release runs for."""

    uuid: Uuid
    name: str
    is_enabled: bool
    schedule: JsonObject | None


class GoesLive(Wire):
    """What a deployment changes. Runs in flight finish on the release that they started with; `runsInFlight` counts them among the newest
    10,000 runs of the workflow. `message`: the same as a sentence."""

    replaces: ReleaseNamed | None
    triggers: list[JsonObject]
    public_form: bool
    play: LivePlay | None
    runs_in_flight: int
    batches_in_flight: int
    message: str


class DeployedReply(Wire):
    """The release that was deployed, and what goes live with it."""

    release: Release
    goes_live: GoesLive


class NodeNamed(Wire):
    """A node, by uuid; `group`: the slugs of the groups that hold it."""

    uuid: str
    slug: str
    group: list[str]


class Change(Wire):
    """One path at which a node differs. Absent values are null; `kind` says which side lacks the path."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


class ChangedNode(NodeNamed):
    """A node of both releases, with its changes; positions on the canvas are not compared."""

    changes: list[Change]


class Edge(Wire):
    """A route from a node to another: the child at `index`; null for the route on failure."""

    source: NodeNamed
    target: NodeNamed | None
    index: int | None


class ReleaseDifference(Wire):
    """What was added, removed and changed from `before` to `after`. `summary`: one line per difference, for people."""

    before: ReleaseNamed | None
    after: ReleaseNamed
    is_same: bool
    added_nodes: list[NodeNamed]
    removed_nodes: list[NodeNamed]
    changed_nodes: list[ChangedNode]
    added_edges: list[Edge]
    removed_edges: list[Edge]
    form_fields: list[Change]
    summary: list[str]


class DiffReleases(Wire):
    """Two releases, or a workflow whose deployed release is compared with its draft."""

    before: Uuid | None = Field(default=None, description="The earlier release.")
    after: Uuid | None = Field(default=None, description="The later release.")
    workflow_uuid: Uuid | None = Field(
        default=None, description="Instead of two releases: compare this workflow's deployed release with its draft."
    )

    @model_validator(mode="after")
    def _complete(self) -> DiffReleases:
        pair = self.before is not None and self.after is not None
        if pair == (self.workflow_uuid is not None) or (not pair and (self.before or self.after)):
            raise ValueError("give two releases (`before` and `after`), or `workflowUuid` alone")
        return self


class RollbackRelease(Wire):
    """Which release to deploy again."""

    uuid: Uuid = Field(description="The release whose content is deployed again.")
    version: Word | None = Field(
        default=None, description="The version, such as 1.2.0, above the last one; the next patch version by default."
    )
    description: Text | None = Field(default=None, description="Release notes.")


DiffReason = Literal["releaseNotFound", "workflowNotFound"]
RollbackReason = Literal[
    "releaseNotFound",
    "releaseIsDraft",
    "releaseAlreadyDeployed",
    "releaseNodesAreInvalid",
    "invalidReleaseVersion",
    "toolReleaseRequiresFormFields",
]

_NOT_FOUND = refusal(404, "There is no release with uuid {uuid}.")

diff: Operation[DiffReleases, ReleaseDifference, DiffReason] = operations.add(
    Operation(
        "orchestration.release.diff",
        "GET",
        "/orchestration/releases/diff",
        request=DiffReleases,
        response=ReleaseDifference,
        summary="Compare two releases, or the deployed release with the draft.",
        permission="orchestration:workflow:read",
        refusals={"releaseNotFound": _NOT_FOUND, "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}.")},
        cli=Cli(
            positionals=("before", "after"),
            examples=(
                "cargo-ai orchestration release diff --workflow-uuid UUID",
                "cargo-ai orchestration release diff UUID UUID",
            ),
        ),
    )
)

rollback: Operation[RollbackRelease, DeployedReply, RollbackReason] = operations.add(
    Operation(
        "orchestration.release.rollback",
        "POST",
        "/orchestration/releases/{uuid}/rollback",
        request=RollbackRelease,
        response=DeployedReply,
        summary="Deploy an earlier release again, as a new version. The draft stays as it is.",
        permission="orchestration:workflow:write",
        refusals={
            "releaseNotFound": _NOT_FOUND,
            "releaseIsDraft": refusal(400, "Release {uuid} is the draft: deploy it instead."),
            "releaseAlreadyDeployed": refusal(409, "Release {uuid} is already deployed."),
            "releaseNodesAreInvalid": refusal(400, "The release cannot be deployed any more: {faults}"),
            "invalidReleaseVersion": refusal(400, 'Version "{version}" cannot be used: {cause}'),
            "toolReleaseRequiresFormFields": refusal(400, "The tool now has a public form, and the release has no formFields."),
        },
        cli=Cli(examples=("cargo-ai orchestration release rollback UUID",)),
    )
)
