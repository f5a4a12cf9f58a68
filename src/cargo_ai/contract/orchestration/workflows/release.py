"""Releases: the versions of a workflow's graph."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Listed, Name, Offset, Text, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

ReleaseStatus = Literal["draft", "deployed", "archived"]


class ReleaseFormField(Wire):
    """One field of the form that asks for a tool's input."""

    kind: Literal["string", "number", "boolean", "any", "date", "enum", "array"]
    name: Name
    slug: Word
    description: Text | None = None
    placeholder: Text | None = None
    is_required: bool | None = None
    enum: list[Word] | None = None
    fields: list[ReleaseFormField] | None = None

    @model_validator(mode="after")
    def _complete(self) -> ReleaseFormField:
        if self.kind == "enum" and self.enum is None:
            raise ValueError("a field of kind enum needs enum: the values to choose from")
        if self.kind == "array" and self.fields is None:
            raise ValueError("a field of kind array needs fields: what each item consists of")
        return self

    def stored(self) -> JsonObject:
        """The field as it is stored and returned, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ReleaseTestRecord(Wire):
    """A test input of the graph: inline data, or the id of a record."""

    kind: Literal["id", "data"]
    id: Word | None = None
    data: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _complete(self) -> ReleaseTestRecord:
        if self.kind == "id" and self.id is None:
            raise ValueError("a test record of kind id needs id")
        if self.kind == "data" and self.data is None:
            raise ValueError("a test record of kind data needs data")
        return self

    def stored(self) -> JsonObject:
        """The record as it is stored and returned, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


FormFields = Annotated[list[ReleaseFormField], Field(max_length=200)]


class ReconcileOptions(Wire):
    """The connector or model, by integration slug, for nodes that name none. `native`: the model of native nodes."""

    connector_uuids_by_integration_slug: dict[str, Uuid] = Field(default_factory=dict[str, str])
    model_uuids_by_integration_slug: dict[str, Uuid] = Field(default_factory=dict[str, str])


class Release(Wire):
    """A version of a graph. Only the draft changes."""

    uuid: Uuid
    parent_uuid: Uuid | None
    workspace_uuid: Uuid
    user_uuid: Uuid
    workflow_uuid: Uuid
    description: str | None
    version: str | None
    status: ReleaseStatus
    template_slug: str | None
    nodes: list[JsonObject]
    form_fields: list[JsonObject] | None
    test_records: list[JsonObject]
    deployed_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class ReleaseReply(Wire):
    """One release."""

    release: Release


class ReleasesReply(Wire):
    """Releases, newest first."""

    releases: list[Release]


class OfWorkflow(Wire):
    """A workflow."""

    workflow_uuid: Uuid = Field(description="The workflow: the workflowUuid of a tool or play.")


class ListReleases(Wire):
    """Which releases to list."""

    workflow_uuid: Uuid | None = Field(default=None, description="Only releases of this workflow.")
    user_uuid: Uuid | None = Field(default=None, description="Only releases made by this user.")
    statuses: Annotated[list[ReleaseStatus], Listed] | None = Field(default=None, description="Only releases with one of these statuses.")
    limit: Limit = 100
    offset: Offset = 0


GetReason = Literal["releaseNotFound"]
GetDeployedReason = Literal["releaseNotFound", "workflowNotFound"]

list_: Operation[ListReleases, ReleasesReply, Never] = operations.add(
    Operation(
        "orchestration.release.list",
        "GET",
        "/orchestration/releases/list",
        request=ListReleases,
        response=ReleasesReply,
        summary="List the releases, newest first.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration release list --workflow-uuid UUID --limit 10",)),
    )
)

get: Operation[ByUuid, ReleaseReply, GetReason] = operations.add(
    Operation(
        "orchestration.release.get",
        "GET",
        "/orchestration/releases/{uuid}",
        request=ByUuid,
        response=ReleaseReply,
        summary="Show a release with its nodes.",
        permission="orchestration:workflow:read",
        refusals={"releaseNotFound": refusal(404, "There is no release with uuid {uuid}.")},
        cli=Cli(examples=("cargo-ai orchestration release get UUID",)),
    )
)

get_deployed: Operation[OfWorkflow, ReleaseReply, GetDeployedReason] = operations.add(
    Operation(
        "orchestration.release.getDeployed",
        "GET",
        "/orchestration/releases/deployed",
        request=OfWorkflow,
        response=ReleaseReply,
        summary="Show the deployed release of a workflow, which new runs use.",
        permission="orchestration:workflow:read",
        refusals={
            "releaseNotFound": refusal(404, "Workflow {uuid} has no deployed release."),
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
        },
        cli=Cli(examples=("cargo-ai orchestration release get-deployed --workflow-uuid UUID",)),
    )
)
