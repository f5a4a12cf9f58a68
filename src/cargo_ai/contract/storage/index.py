"""Indexes of models: make filters and sorting fast."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.segmentation.filter import Filter, Sort
from cargo_ai.contract.storage.columns import Named
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_NO_MODEL = refusal(404, "There is no model {uuid} in this workspace.")
_NO_INDEX = refusal(404, "The model has no index {name}.")

IndexKind = Literal["values", "order", "text"]


class Index(Wire):
    """An index. kind `values`: values of several columns, compared in this order; `order`: the first records by one column; `text`:
    parts of texts. `usesCount`: how often a query was answered by it."""

    name: str
    kind: IndexKind
    column_slugs: list[str]
    is_descending: bool
    status: Literal["pending", "building", "ready", "failed"]
    error_message: str | None
    size_bytes: int
    uses_count: int


class IndexesReply(Wire):
    """The indexes of a model."""

    indexes: list[Index]


class CreateIndex(Wire):
    """Either columns, or a filter with its order, whose indexes are then chosen for you."""

    uuid: Uuid = Field(description="The model.")
    column_slugs: Annotated[list[Named], Field(min_length=1, max_length=12)] | None = Field(
        default=None, description="Its columns: first those that are compared for equality, then those that are above or below something."
    )
    kind: Literal["values", "text"] = Field(
        default="values", description="values: equal to, above, below; text: contains, startsWith, endsWith."
    )
    filter: Filter | None = Field(default=None, description="Make the indexes that this filter needs.")
    sort: Sort | None = Field(default=None, description="Make the indexes that this order needs.")


class RemoveIndex(Wire):
    """Which index."""

    uuid: Uuid = Field(description="The model.")
    name: Annotated[str, Field(min_length=1, max_length=63, description="The index, as `list-indexes` names it.")]


ListReason = Literal["modelNotFound"]

get_all: Operation[ByUuid, IndexesReply, ListReason] = operations.add(
    Operation(
        "storage.model.listIndexes",
        "GET",
        "/storage/models/{uuid}/indexes",
        request=ByUuid,
        response=IndexesReply,
        summary="List the indexes that make a model's filters fast, and how often each was used.",
        permission="storage:read",
        refusals={"modelNotFound": _NO_MODEL},
        cli=Cli(flags={"uuid": ("--uuid", "--model-uuid")}, examples=(f"cargo-ai storage model list-indexes {_EXAMPLE}",)),
    )
)

CreateReason = Literal["modelNotFound", "indexNotPossible"]

create: Operation[CreateIndex, IndexesReply, CreateReason] = operations.add(
    Operation(
        "storage.model.createIndex",
        "POST",
        "/storage/models/{uuid}/indexes",
        request=CreateIndex,
        response=IndexesReply,
        summary="Make an index in the background: nothing waits for it, and filters become fast when it is ready.",
        permission="storage:write",
        refusals={"modelNotFound": _NO_MODEL, "indexNotPossible": refusal(400, "{problem}")},
        cli=Cli(
            flags={"uuid": ("--uuid", "--model-uuid")},
            examples=(
                f"cargo-ai storage model create-index {_EXAMPLE} --column-slugs country,employees",
                f"cargo-ai storage model create-index {_EXAMPLE} --kind text --column-slugs name",
            ),
            csv=frozenset({"columnSlugs"}),
        ),
    )
)

RemoveReason = Literal["modelNotFound", "indexNotFound", "indexIsBeingMade"]

remove: Operation[RemoveIndex, Removed, RemoveReason] = operations.add(
    Operation(
        "storage.model.removeIndex",
        "DELETE",
        "/storage/models/{uuid}/indexes/{name}",
        request=RemoveIndex,
        response=Removed,
        summary="Remove an index; filters that it made fast become slow, and nothing else changes.",
        permission="storage:write",
        refusals={
            "modelNotFound": _NO_MODEL,
            "indexNotFound": _NO_INDEX,
            "indexIsBeingMade": refusal(409, "The index is being made right now. Remove it when it is ready."),
        },
        cli=Cli(
            flags={"uuid": ("--uuid", "--model-uuid")},
            examples=(f"cargo-ai storage model remove-index {_EXAMPLE} xi_companies_0a1b2c_3d4e5f60",),
        ),
    )
)
