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
    """Records are related where the two columns are equal. `relation` is read from `from` to `to`."""

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
    """Which relationships to list."""

    model_uuid: Uuid | None = Field(default=None, description="Only relationships from or to this model.")


class Wanted(Wire):
    """A relationship to set; with `uuid`, it replaces that relationship."""

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
    """Either `dataset_uuid` and `relationships`, which replace all relationships from the dataset; or two models, between which one is
    added: by the given columns, else by matching names (`company_id` to the id of `companies`, or columns of the same name)."""

    dataset_uuid: Uuid | None = Field(default=None, description="With --relationships: the dataset whose relationships are replaced.")
    relationships: Annotated[list[Wanted], Field(max_length=500)] | None = Field(
        default=None,
        description="All relationships from the dataset, at most 500: "
        '[{"fromModelUuid":"...","fromColumnSlug":"company_id","toModelUuid":"...","toColumnSlug":"id","relation":"manyToOne"}].',
    )
    from_model_uuid: Uuid | None = Field(default=None, description="The model from which one relationship is added.")
    to_model_uuid: Uuid | None = Field(default=None, description="The model to which it leads.")
    from_column_slug: Named | None = Field(default=None, description="The column of the first model; found by name by default.")
    to_column_slug: Named | None = Field(default=None, description="The column of the second model; found by name by default.")
    relation: RelationKind | None = Field(default=None, description="How many records are related, from the first model to the second.")


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
        summary="Relate the records of two models by equal columns.",
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
