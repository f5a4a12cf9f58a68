"""Relationships: which records of two models belong together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import Named
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_OTHER = "0198c5f0-0000-7000-8000-000000000002"
RelationKind = Literal["oneToOne", "oneToMany", "manyToOne"]


class Relationship(Wire):
    """Records belong together where the two columns are equal. The relation is read from `from` to `to`."""

    uuid: Uuid
    workspace_uuid: Uuid
    from_dataset_uuid: Uuid
    from_model_uuid: Uuid
    from_column_slug: str
    from_property_slug: str | None
    to_dataset_uuid: Uuid
    to_model_uuid: Uuid
    to_column_slug: str
    to_property_slug: str | None
    from_selected_column_slugs: list[str] | None
    to_selected_column_slugs: list[str] | None
    relation: RelationKind


class RelationshipReply(Wire):
    """One relationship."""

    relationship: Relationship


class RelationshipsReply(Wire):
    """Relationships, the oldest first."""

    relationships: list[Relationship]


class ListRelationships(Wire):
    """Which relationships: all, or those of a model."""

    model_uuid: Uuid | None = None


class Wanted(Wire):
    """A relationship to be set; with a `uuid`, the one that it replaces."""

    uuid: Uuid | None = None
    from_model_uuid: Uuid
    from_column_slug: Named
    from_property_slug: str | None = None
    to_model_uuid: Uuid
    to_column_slug: Named
    to_property_slug: str | None = None
    from_selected_column_slugs: list[str] | None = None
    to_selected_column_slugs: list[str] | None = None
    relation: RelationKind = "manyToOne"


class SetRelationships(Wire):
    """Either `dataset_uuid` and `relationships`: then those are all that start in the dataset. Or two models: then one is added,
    by the given columns, else by those that fit (`company_id` to the id of `companies`, or columns of the same name)."""

    dataset_uuid: Uuid | None = None
    relationships: Annotated[list[Wanted], Field(max_length=500)] | None = None
    from_model_uuid: Uuid | None = None
    to_model_uuid: Uuid | None = None
    from_column_slug: Named | None = None
    to_column_slug: Named | None = None
    relation: RelationKind | None = None


AllReason = Literal["modelNotFound"]

all: Operation[ListRelationships, RelationshipsReply, AllReason] = operations.add(
    Operation(
        "storage.relationship.all",
        "GET",
        "/storage/relationships/list",
        request=ListRelationships,
        response=RelationshipsReply,
        summary="List the relationships of the workspace or of one model.",
        permission="storage:read",
        refusals={"modelNotFound": refusal(404, "There is no model {uuid} in this workspace.")},
        cli=Cli(examples=("cargo-ai storage relationship list", f"cargo-ai storage relationship list --model-uuid {_EXAMPLE}")),
    )
)

GetReason = Literal["relationshipNotFound"]

get: Operation[ByUuid, RelationshipReply, GetReason] = operations.add(
    Operation(
        "storage.relationship.get",
        "GET",
        "/storage/relationships/{uuid}",
        request=ByUuid,
        response=RelationshipReply,
        summary="Show a relationship.",
        permission="storage:read",
        refusals={"relationshipNotFound": refusal(404, "There is no relationship {uuid} in this workspace.")},
        cli=Cli(examples=(f"cargo-ai storage relationship get {_EXAMPLE}",)),
    )
)

SetReason = Literal["datasetNotFound", "modelNotCompatible", "invalidRelationships"]

set: Operation[SetRelationships, RelationshipsReply, SetReason] = operations.add(
    Operation(
        "storage.relationship.set",
        "POST",
        "/storage/relationships",
        request=SetRelationships,
        response=RelationshipsReply,
        summary="Say which records of two models belong together.",
        permission="storage:write",
        refusals={
            "datasetNotFound": refusal(404, "There is no dataset {uuid} in this workspace."),
            "modelNotCompatible": refusal(400, "{problem}"),
            "invalidRelationships": refusal(400, "{problem}"),
        },
        cli=Cli(
            examples=(
                f"cargo-ai storage relationship set --from-model-uuid {_EXAMPLE} --to-model-uuid {_OTHER} "
                "--from-column-slug company_id --to-column-slug id",
            )
        ),
    )
)
