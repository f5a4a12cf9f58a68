"""Previews: what an extractor would bring, before a model is created."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.contract.storage.model import NO_CONNECTOR, NO_DATASET, NO_EXTRACTOR, NO_INTEGRATION
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, FileOf, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"


class Preview(Wire):
    """An extractor and its config; `slug` is the extractor's."""

    dataset_uuid: Uuid = Field(description="The dataset, as storage dataset list shows it.")
    slug: Annotated[str, Field(max_length=100, description="The extractor, such as uploadFile, or fetchRecords of a connector of hubspot.")]
    config: JsonObject = Field(description='The config of the extractor, as in storage model create: {"s3Filename":"..."}.')


class PreviewColumn(Sparse):
    """A column that the model would have."""

    slug: str
    type: ColumnType
    label: str
    properties: list[str] | None = None
    description: str | None = None


class PreviewReply(Wire):
    """The first records, the columns, and the number of records if it is known."""

    records: list[JsonObject]
    columns: list[PreviewColumn]
    count: int | None


class PreviewCount(Wire):
    """How many records there would be."""

    count: int


PreviewReason = Literal[
    "datasetNotFound",
    "modelNotCompatible",
    "connectorNotFound",
    "integrationNotFound",
    "integrationNotCompatible",
    "fileNotFound",
    "fileInvalid",
]
_preview: dict[PreviewReason, RefusalSpec] = {
    "datasetNotFound": NO_DATASET,
    "modelNotCompatible": refusal(400, "{problem}"),
    "connectorNotFound": NO_CONNECTOR,
    "integrationNotFound": NO_INTEGRATION,
    "integrationNotCompatible": NO_EXTRACTOR,
    "fileNotFound": refusal(404, "There is no uploaded file {file}."),
    "fileInvalid": refusal(400, "{problem}"),
}

preview: Operation[Preview, PreviewReply, PreviewReason] = operations.add(
    Operation(
        "storage.model.preview",
        "POST",
        "/storage/models/preview",
        request=Preview,
        response=PreviewReply,
        summary="Preview the columns and first records of a model before creating it.",
        permission="storage:read",
        refusals=_preview,
        reads=True,
        cli=Cli(
            file_of=FileOf("workspaceManagement.file.upload", "config.s3Filename", {"slug": "uploadFile"}),
            examples=(
                f"cargo-ai storage model preview --dataset-uuid {_EXAMPLE} --file companies.csv",
                f"cargo-ai storage model preview --dataset-uuid {_EXAMPLE} --slug uploadFile "
                '--config \'{"s3Filename":"<from workspace file upload>"}\'',
            ),
        ),
        ends_with_client=True,
    )
)

preview_count: Operation[Preview, PreviewCount, PreviewReason] = operations.add(
    Operation(
        "storage.model.previewCount",
        "POST",
        "/storage/models/previewCount",
        request=Preview,
        response=PreviewCount,
        summary="Count the records of a model before creating it.",
        permission="storage:read",
        refusals=_preview,
        reads=True,
        cli=Cli(
            file_of=FileOf("workspaceManagement.file.upload", "config.s3Filename", {"slug": "uploadFile"}),
            examples=(
                f"cargo-ai storage model preview-count --dataset-uuid {_EXAMPLE} --file companies.csv",
                f"cargo-ai storage model preview-count --dataset-uuid {_EXAMPLE} --slug uploadFile "
                '--config \'{"s3Filename":"<from workspace file upload>"}\'',
            ),
        ),
        ends_with_client=True,
    )
)
