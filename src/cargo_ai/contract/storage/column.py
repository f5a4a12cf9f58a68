"""Columns: create, change, move, list and remove."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import AdditionalColumn, Column, ListedColumn, Named
from cargo_ai.contract.storage.run import UNTIL, Run
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Removed, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"


class OfModel(Wire):
    """The columns of a model."""

    model_uuid: Uuid = Field(description="The model.")


_COLUMN = (
    'The column: {"kind":"custom","slug":"tier","type":"string","label":"Tier"}; computed adds expression, metric relationshipUuid and '
    'aggregation {"function":"COUNT","columnSlug":"_id"}, lookup join {"toModelUuid":"...","fromColumnSlug":"...","toColumnSlug":"..."} '
    "and extractColumnSlug. type: string, number, boolean, date, object, array, vector or any"
)


class CreateColumn(Wire):
    """A new column of a model."""

    model_uuid: Uuid = Field(description="The model.")
    column: AdditionalColumn = Field(description=f"{_COLUMN}.")


class UpdateColumn(Wire):
    """The new definition of a column, found by its slug. Only label and description of original columns can change."""

    model_uuid: Uuid = Field(description="The model.")
    column: Column = Field(description=f"{_COLUMN}. Replaces the column with this slug; of original ones only label and description.")


class ColumnReply(Wire):
    """One column. `run`: the fill that computes its values, where the model has many records."""

    column: ListedColumn
    run: Run | None = None


class ColumnsReply(Wire):
    """All columns of a model, in their order."""

    columns: list[ListedColumn]


class RemoveColumn(Wire):
    """Which column to remove."""

    model_uuid: Uuid = Field(description="The model.")
    column_slug: Named = Field(description="The slug of the column.")


class ReorderColumn(Wire):
    """Which column to move, and to which position."""

    model_uuid: Uuid = Field(description="The model.")
    column_slug: Named = Field(description="The slug of the column.")
    to_index: int = Field(description="The new position, from 0.")


class ColumnBySlug(Wire):
    """A column named by its slug."""

    slug: Annotated[str, Field(max_length=200, description="The slug of the column.")]
    model_uuid: Uuid = Field(description="The model.")


class Exists(Wire):
    """Whether there is one."""

    exists: bool


class Autocomplete(Wire):
    """Which values to list: those of the column that contain the text."""

    model_uuid: Uuid = Field(description="The model.")
    column: JsonObject | str = Field(description='The column: {"slug":"country"}, or its slug alone.')
    query: Annotated[str, Field(max_length=500, description="Only values that contain this text; all by default.")] = ""


class Result(Wire):
    """A value of the column."""

    value: str
    label: str


class ResultsReply(Wire):
    """Values, the most frequent first; at most 100."""

    results: list[Result]


_no_model = refusal(404, "There is no model {uuid} in this workspace.")
_no_dataset = refusal(404, "The model's dataset is gone.")
_no_column = refusal(404, "The model has no column {slug}.")
_no_ai = refusal(400, "A column cannot be filled by a language model: use an agent or an AI node in a play.")
_invalid = refusal(400, "{problem}")

CreateReason = Literal["modelNotFound", "datasetNotFound", "duplicateSlug", "aiExpressionNotAllowed", "invalidRelationship"]

create: Operation[CreateColumn, ColumnReply, CreateReason] = operations.add(
    Operation(
        "storage.column.create",
        "POST",
        "/storage/columns",
        request=CreateColumn,
        response=ColumnReply,
        summary="Add a column: custom, computed, metric or lookup.",
        permission="storage:write",
        refusals={
            "modelNotFound": _no_model,
            "datasetNotFound": _no_dataset,
            "duplicateSlug": refusal(409, "The model has a column {slug} already: choose another slug."),
            "aiExpressionNotAllowed": _no_ai,
            "invalidRelationship": _invalid,
        },
        until=UNTIL,
        cli=Cli(
            examples=(
                f"cargo-ai storage column create --model-uuid {_EXAMPLE} "
                '--column \'{"kind":"custom","slug":"tier","type":"string","label":"Tier"}\'',
                f'cargo-ai storage column create --model-uuid {_EXAMPLE} --column \'{{"kind":"computed","slug":"is_big","type":"boolean",'
                '"label":"Is big","expression":{"kind":"jsExpression","expression":"record.employees > 1000","instructTo":"none",'
                '"fromRecipe":false}}\'',
            )
        ),
    )
)

UpdateReason = Literal["modelNotFound", "datasetNotFound", "columnNotFound", "aiExpressionNotAllowed", "invalidRelationship"]

update: Operation[UpdateColumn, ColumnReply, UpdateReason] = operations.add(
    Operation(
        "storage.column.update",
        "PUT",
        "/storage/columns",
        request=UpdateColumn,
        response=ColumnReply,
        summary="Change the column with the given slug.",
        permission="storage:write",
        refusals={
            "modelNotFound": _no_model,
            "datasetNotFound": _no_dataset,
            "columnNotFound": _no_column,
            "aiExpressionNotAllowed": _no_ai,
            "invalidRelationship": _invalid,
        },
        until=UNTIL,
        cli=Cli(
            examples=(
                f"cargo-ai storage column update --model-uuid {_EXAMPLE} "
                '--column \'{"kind":"custom","slug":"tier","type":"string","label":"Account tier"}\'',
            )
        ),
    )
)

RemoveReason = Literal["modelNotFound", "datasetNotFound", "columnNotFound", "columnIsUsed", "columnIsOriginal"]

remove: Operation[RemoveColumn, Removed, RemoveReason] = operations.add(
    Operation(
        "storage.column.remove",
        "DELETE",
        "/storage/columns",
        request=RemoveColumn,
        response=Removed,
        summary="Remove a column that nothing uses, with its values.",
        permission="storage:write",
        refusals={
            "modelNotFound": _no_model,
            "datasetNotFound": _no_dataset,
            "columnNotFound": _no_column,
            "columnIsUsed": refusal(409, "The column {slug} is used by {users}: take it out there first."),
            "columnIsOriginal": refusal(400, "{slug} is an original column of the model; only added columns can be removed."),
        },
        cli=Cli(examples=(f"cargo-ai storage column remove --model-uuid {_EXAMPLE} --column-slug tier",)),
        agent_safe=False,
    )
)

ReorderReason = Literal["modelNotFound", "columnNotFound", "invalidIndex"]

reorder: Operation[ReorderColumn, ColumnsReply, ReorderReason] = operations.add(
    Operation(
        "storage.column.reorder",
        "PUT",
        "/storage/columns/reorder",
        request=ReorderColumn,
        response=ColumnsReply,
        summary="Move a column to another position.",
        permission="storage:write",
        refusals={
            "modelNotFound": _no_model,
            "columnNotFound": _no_column,
            "invalidIndex": refusal(400, "The model has {count} columns, so the position is from 0 to {last}."),
        },
        cli=Cli(examples=(f"cargo-ai storage column reorder --model-uuid {_EXAMPLE} --column-slug tier --to-index 2",)),
    )
)

ListReason = Literal["clientNotFound", "modelNotFound"]

get_all: Operation[OfModel, ColumnsReply, ListReason] = operations.add(
    Operation(
        "storage.column.list",
        "GET",
        "/storage/columns/list",
        request=OfModel,
        response=ColumnsReply,
        summary="List the columns of a model, of every kind, in order.",
        permission="storage:read",
        refusals={"clientNotFound": refusal(404, "The database of the models does not exist."), "modelNotFound": _no_model},
        cli=Cli(examples=(f"cargo-ai storage column list --model-uuid {_EXAMPLE}",)),
    )
)

exists_by_slug: Operation[ColumnBySlug, Exists, Never] = operations.add(
    Operation(
        "storage.column.existsBySlug",
        "GET",
        "/storage/columns/existsBySlug",
        request=ColumnBySlug,
        response=Exists,
        summary="Check whether a model has a column with this slug.",
        permission="storage:read",
        cli=Cli(examples=(f"cargo-ai storage column exists-by-slug --slug tier --model-uuid {_EXAMPLE}",)),
    )
)

AutocompleteReason = Literal["modelNotFound", "datasetNotFound", "columnNotFound"]

autocomplete: Operation[Autocomplete, ResultsReply, AutocompleteReason] = operations.add(
    Operation(
        "storage.column.autocomplete",
        "POST",
        "/storage/columns/autocomplete",
        request=Autocomplete,
        response=ResultsReply,
        summary="List the values of a column, the most frequent first, at most 100.",
        permission="storage:read",
        refusals={"modelNotFound": _no_model, "datasetNotFound": _no_dataset, "columnNotFound": _no_column},
        reads=True,
        cli=Cli(examples=(f'cargo-ai storage column autocomplete --model-uuid {_EXAMPLE} --column \'{{"slug":"country"}}\' --query fr',)),
    )
)
