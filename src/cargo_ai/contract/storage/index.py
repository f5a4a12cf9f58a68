"""Indexes of models: make filters and sorting fast."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.segmentation.filter import FILTER, SORT, Filter, Sort
from cargo_ai.contract.storage.columns import Named
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_NO_MODEL = refusal(404, "There is no model {uuid} in this workspace.")
_NO_INDEX = refusal(404, "The model has no index {name}.")

_BUILT = frozenset({"ready", "failed"})

IndexKind = Literal["values", "order", "text"]


class Index(Wire):
    """An index. kind `values`: comparisons of one or several columns; `order`: sorting by one column; `text`: substrings.
    `usesCount`: how many queries have used it."""

    name: str
    kind: IndexKind
    column_slugs: list[str]
    is_descending: bool
    status: Literal["pending", "building", "ready", "failed"]
    error_message: str | None
    size_bytes: int
    uses_count: int


class IndexBuild(Wire):
    """Whether indexes of a model are still being built: `failed` is one of them, none is being built."""

    model_uuid: Uuid
    status: Literal["building", "ready", "failed"]


class IndexesReply(Wire):
    """The indexes of a model."""

    indexes: list[Index]
    build: IndexBuild


class CreateIndex(Wire):
    """Either columns, or a filter and sort order for which the server chooses the indexes."""

    uuid: Uuid = Field(description="The model.")
    column_slugs: Annotated[list[Named], Field(min_length=1, max_length=12)] | None = Field(
        default=None,
        description="The columns, comma-separated, at most 12: first those compared for equality, then those by range.",
    )
    kind: Literal["values", "text"] = Field(
        default="values", description="values: for equality and ranges; text: for contains, startsWith and endsWith."
    )
    filter: Filter | None = Field(default=None, description=f"Instead of columns, the filter to make fast. {FILTER}")
    sort: Sort | None = Field(default=None, description=f"Instead of columns, the sort order to make fast. {SORT}")


class RemoveIndex(Wire):
    """Which index."""

    uuid: Uuid = Field(description="The model.")
    name: Annotated[str, Field(min_length=1, max_length=63, description="The name of the index, as storage model list-indexes shows it.")]


ListReason = Literal["modelNotFound"]

get_all: Operation[ByUuid, IndexesReply, ListReason] = operations.add(
    Operation(
        "storage.model.listIndexes",
        "GET",
        "/storage/models/{uuid}/indexes",
        request=ByUuid,
        response=IndexesReply,
        summary="List the indexes of a model, with size, status and number of uses.",
        permission="storage:read",
        refusals={"modelNotFound": _NO_MODEL},
        waits=Waits(key="build.modelUuid", field="build.status", final=_BUILT),
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
        summary="Create indexes that make filters and sorting fast; they are built in the background.",
        permission="storage:write",
        refusals={"modelNotFound": _NO_MODEL, "indexNotPossible": refusal(400, "{problem}")},
        until=Until("storage.model.listIndexes", "build.modelUuid", "build.status", final=_BUILT, bad=frozenset({"failed"})),
        cli=Cli(
            flags={"uuid": ("--uuid", "--model-uuid")},
            examples=(
                f"cargo-ai storage model create-index {_EXAMPLE} --column-slugs country,employees --wait-until-finished",
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
        summary="Remove an index: only the speed of filters and sorting changes.",
        permission="storage:write",
        refusals={
            "modelNotFound": _NO_MODEL,
            "indexNotFound": _NO_INDEX,
            "indexIsBeingMade": refusal(409, "The index is being built. Remove it when it is ready."),
        },
        cli=Cli(
            flags={"uuid": ("--uuid", "--model-uuid")},
            examples=(f"cargo-ai storage model remove-index {_EXAMPLE} xi_companies_0a1b2c_3d4e5f60",),
        ),
    )
)
