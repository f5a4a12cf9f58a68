"""Models: tables of records, filled by hand, from a file or from a service."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field, FiniteFloat, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import AdditionalColumn, Description, Filling, OriginalColumn, RunStatus
from cargo_ai.contract.storage.unification import Unification
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.kernel.operation import Cli, FileOf, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$", max_length=60),
    Field(description="The name in SQL, unique in the dataset: letters, digits and `_`, at most 60 characters."),
]


class Position(Wire):
    """The position on the map of models."""

    x: FiniteFloat = 0
    y: FiniteFloat = 0


class CronSchedule(Wire):
    """A refresh on a cron schedule."""

    type: Literal["cron"]
    cron: Annotated[str, Field(max_length=200)]
    time_zone: Annotated[str, Field(max_length=100)] | None = None


class DbtSchedule(Wire):
    """A refresh after a dbt job."""

    type: Literal["dbt"]
    job_id: Annotated[str, Field(max_length=200)]


Schedule = Annotated[CronSchedule | DbtSchedule, Field(discriminator="type")]


class LastRun(Wire):
    """The last refresh."""

    uuid: Uuid
    status: RunStatus
    error_message: str | None
    created_at: Timestamp
    finished_at: Timestamp | None


class Model(Wire):
    """A table of records. `columns`: the columns of its source; `additional_columns`: custom, computed, metric and lookup columns.

    `is_refreshing`: a refresh, or a fill of its computed columns, is under way. `filling`: the fill of columns that lack values.
    """

    uuid: Uuid
    workspace_uuid: Uuid
    slug: str
    name: str
    description: str | None
    dataset_uuid: Uuid
    extractor_slug: str
    position: Position
    config: JsonObject
    schedule: JsonObject | None
    meta: JsonObject | None
    columns: list[OriginalColumn]
    additional_columns: list[AdditionalColumn]
    id_column_slug: str
    unification: JsonObject | None
    title_column_slug: str
    time_column_slug: str | None
    folder_uuid: Uuid | None
    plays_count: int
    segments_count: int
    is_paused: bool
    last_emitted_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    last_run: LastRun | None
    kind: Literal["connector", "native"]
    connector_uuid: Uuid | None
    is_refreshing: bool
    filling: Filling | None


class ModelReply(Wire):
    """One model."""

    model: Model


class ModelsReply(Wire):
    """Models, newest first."""

    models: list[Model]


_SCHEDULE = 'When the model is synced from its connector: {"type":"cron","cron":"0 6 * * *","timeZone":"Europe/Paris"}'


class CreateModel(Wire):
    """A new model. The form of `config` depends on the extractor: see `cargo-ai connection native-integration get`, and for the dataset of
    a connector `cargo-ai connection integration get`."""

    slug: Slug
    name: Name = Field(description="The name, 1 to 200 characters.")
    description: Description | None = Field(default=None, description="The description.")
    dataset_uuid: Uuid = Field(description="The dataset, as storage dataset list shows it.")
    extractor_slug: Annotated[
        str,
        Field(
            max_length=100,
            description="How it is filled: defineObject, defineAccount, defineContact (by writing records), uploadFile (from a file); in "
            "the dataset of a connector, one of its integration's extractors, such as fetchRecords of hubspot.",
        ),
    ]
    config: JsonObject = Field(
        default_factory=dict,
        description='The config of the extractor: {"columns":[{"slug":"domain","type":"string","label":"Domain"}],"idColumnSlug":"domain"} '
        'for the define extractors, {"s3Filename":"...","idColumnSlug":"email"} for uploadFile, there also "types":{"zip":"string"}, '
        '"skipInvalid":true and how the file is written: "encoding", "delimiter", "trim", "decimal", "dateOrder".',
    )
    schedule: Schedule | None = Field(default=None, description=f"{_SCHEDULE}; no syncs by default.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder to create it in.")


class UpdateModel(Wire):
    """Changes to a model; absent fields stay. null clears description, time column, unification, schedule and folder."""

    uuid: Uuid = Field(description="The model.")
    name: Name | None = Field(default=None, description="The new name.")
    description: Description | None = Field(default=None, description="The new description; null clears it.")
    position: Position | None = Field(default=None, description='The position on the map of models: {"x":0,"y":0}.')
    config: JsonObject | None = Field(default=None, description="The new config of the extractor, as in storage model create.")
    unification: Unification | None = Field(
        default=None,
        description="The columns that identify the account or contact of each record: "
        '{"source":"custom","type":"account","uniqueColumns":[{"slug":"website","reference":"domain"}]}; null: no unification.',
    )
    schedule: Schedule | None = Field(default=None, description=f"{_SCHEDULE}; null: no syncs.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder to move it to; null: no folder.")
    title_column_slug: str | None = Field(default=None, description="The column that names a record for people.")
    time_column_slug: str | None = Field(default=None, description="The date column that tells when a record happened; null: none.")
    id_column_slug: str | None = Field(default=None, description="The id column; it cannot be changed, only repeated.")
    is_paused: bool | None = Field(default=None, description="true: pause scheduled refreshes; false: continue them.")


class ListModels(Wire):
    """Which models to list."""

    dataset_uuid: Uuid | None = Field(default=None, description="Only models of this dataset.")


class Ddl(Wire):
    """The statement that would make the table under the name that SQL uses."""

    ddl: str
    language: str


class ModelBySlug(Wire):
    """A model named by its slug."""

    slug: Annotated[str, Field(max_length=200, description="The slug of the model.")]
    dataset_uuid: Uuid = Field(description="The dataset.")


class Exists(Wire):
    """Whether there is one."""

    exists: bool


NOT_FOUND = refusal(404, "There is no model {uuid} in this workspace.")
NO_DATASET = refusal(404, "There is no dataset {uuid} in this workspace.")
NO_CONNECTOR = refusal(404, "The dataset's connector is gone.")
NO_INTEGRATION = refusal(404, "The dataset's integration is not on this server.")
NO_EXTRACTOR = refusal(400, "{problem}")
_schedules: dict[Literal["failedToSchedule", "scheduleNotCompatible", "scheduleIntervalTooShort"], RefusalSpec] = {
    "failedToSchedule": refusal(400, "The schedule is not valid: {cause}"),
    "scheduleNotCompatible": refusal(400, "{problem}"),
    "scheduleIntervalTooShort": refusal(400, "This model is synced at most every {seconds} seconds."),
}
_folders: dict[Literal["folderNotFound", "folderNotCompatible"], RefusalSpec] = {
    "folderNotFound": refusal(404, "There is no folder {uuid} for models."),
    "folderNotCompatible": refusal(400, "The folder {uuid} is not a folder of models."),
}

CreateReason = Literal[
    "duplicateSlug",
    "datasetNotFound",
    "modelNotCompatible",
    "connectorNotFound",
    "integrationNotFound",
    "integrationNotCompatible",
    "failedToSchedule",
    "folderNotFound",
    "folderNotCompatible",
    "scheduleNotCompatible",
    "scheduleIntervalTooShort",
    "fileNotFound",
    "fileInvalid",
]

create: Operation[CreateModel, ModelReply, CreateReason] = operations.add(
    Operation(
        "storage.model.create",
        "POST",
        "/storage/models",
        request=CreateModel,
        response=ModelReply,
        summary="Create a model: empty with your columns, filled from an uploaded file, or kept up with a connector's service.",
        permission="storage:write",
        refusals={
            "duplicateSlug": refusal(409, "The dataset has a model {slug} already: choose another slug."),
            "datasetNotFound": NO_DATASET,
            "modelNotCompatible": refusal(400, "{problem}"),
            "connectorNotFound": NO_CONNECTOR,
            "integrationNotFound": NO_INTEGRATION,
            "integrationNotCompatible": NO_EXTRACTOR,
            "fileNotFound": refusal(404, "There is no uploaded file {file}."),
            "fileInvalid": refusal(400, "{problem}"),
            **_folders,
            **_schedules,
        },
        cli=Cli(
            file_of=FileOf("workspaceManagement.file.upload", "config.s3Filename", {"extractorSlug": "uploadFile"}),
            examples=(
                f"cargo-ai storage model create --slug leads --name Leads --dataset-uuid {_EXAMPLE} --file leads.csv "
                '--config \'{"idColumnSlug":"email"}\'',
                f"cargo-ai storage model create --slug companies --name Companies --dataset-uuid {_EXAMPLE} --extractor-slug defineObject "
                '--config \'{"columns":[{"slug":"domain","type":"string","label":"Domain"}],"idColumnSlug":"domain"}\'',
                f"cargo-ai storage model create --slug leads --name Leads --dataset-uuid {_EXAMPLE} --extractor-slug uploadFile "
                '--config \'{"s3Filename":"<from workspace file upload>","idColumnSlug":"email"}\'',
                f"cargo-ai storage model create --slug contacts --name Contacts --dataset-uuid {_EXAMPLE} --extractor-slug fetchRecords "
                '--config \'{"objectType":"contacts"}\' --schedule \'{"type":"cron","cron":"0 * * * *"}\'',
            ),
        ),
        ends_with_client=True,
    )
)

GetReason = Literal["modelNotFound", "datasetNotFound"]

get: Operation[ByUuid, ModelReply, GetReason] = operations.add(
    Operation(
        "storage.model.get",
        "GET",
        "/storage/models/{uuid}",
        request=ByUuid,
        response=ModelReply,
        summary="Show a model with its columns.",
        permission="storage:read",
        refusals={"modelNotFound": NOT_FOUND, "datasetNotFound": NO_DATASET},
        cli=Cli(examples=(f"cargo-ai storage model get {_EXAMPLE}",)),
    )
)

AllReason = Literal["datasetNotFound"]

all: Operation[ListModels, ModelsReply, AllReason] = operations.add(
    Operation(
        "storage.model.all",
        "GET",
        "/storage/models/list",
        request=ListModels,
        response=ModelsReply,
        summary="List the models, newest first.",
        permission="storage:read",
        refusals={"datasetNotFound": NO_DATASET},
        cli=Cli(examples=("cargo-ai storage model list",)),
    )
)

UpdateReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "connectorNotFound",
    "integrationNotFound",
    "failedToSchedule",
    "folderNotFound",
    "folderNotCompatible",
    "scheduleNotCompatible",
    "scheduleIntervalTooShort",
    "columnNotFound",
]

update: Operation[UpdateModel, ModelReply, UpdateReason] = operations.add(
    Operation(
        "storage.model.update",
        "PUT",
        "/storage/models/{uuid}",
        request=UpdateModel,
        response=ModelReply,
        summary="Change a model's name, title and time columns, unification, schedule or folder, or pause it.",
        permission="storage:write",
        refusals={
            "modelNotFound": NOT_FOUND,
            "datasetNotFound": NO_DATASET,
            "connectorNotFound": NO_CONNECTOR,
            "integrationNotFound": NO_INTEGRATION,
            "columnNotFound": refusal(404, "The model has no column {slug}."),
            **_folders,
            **_schedules,
        },
        cli=Cli(
            examples=(
                f"cargo-ai storage model update --uuid {_EXAMPLE} --name Companies",
                f"cargo-ai storage model update --uuid {_EXAMPLE} --title-column-slug name",
                f"cargo-ai storage model update --uuid {_EXAMPLE} --unification "
                '\'{"source":"custom","type":"account","uniqueColumns":[{"slug":"website","reference":"domain"}]}\'',
            )
        ),
    )
)

RemoveReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "modelNotCompatible",
    "hasSegments",
    "hasWorkflows",
    "connectorNotFound",
    "integrationNotFound",
    "invalidConfig",
    "modelIsUsed",
]

remove: Operation[ByUuid, RemovedToBin, RemoveReason] = operations.add(
    Operation(
        "storage.model.remove",
        "DELETE",
        "/storage/models/{uuid}",
        request=ByUuid,
        response=RemovedToBin,
        summary="Remove a model that nothing uses, with all its records: they go to the bin.",
        permission="storage:write",
        refusals={
            "modelNotFound": NOT_FOUND,
            "datasetNotFound": NO_DATASET,
            "modelNotCompatible": refusal(400, "This model cannot be removed."),
            "hasSegments": refusal(409, "This model has segments: {users}. Remove them first."),
            "hasWorkflows": refusal(409, "This model is used by {users}: take it out there first."),
            "modelIsUsed": refusal(409, "This model is used by {users}: remove them first."),
            "connectorNotFound": NO_CONNECTOR,
            "integrationNotFound": NO_INTEGRATION,
            "invalidConfig": refusal(400, "The model's config is not valid."),
        },
        cli=Cli(bin_kind="model", examples=(f"cargo-ai storage model remove {_EXAMPLE}",)),
        agent_safe=False,
    )
)

DdlReason = Literal["modelNotFound", "datasetNotFound", "clientNotFound", "failedToGetDdl"]

get_ddl: Operation[ByUuid, Ddl, DdlReason] = operations.add(
    Operation(
        "storage.model.getDdl",
        "GET",
        "/storage/models/{uuid}/ddl",
        request=ByUuid,
        response=Ddl,
        summary="Show the CREATE TABLE statement of a model, with the table and column names for SQL.",
        permission="storage:read",
        refusals={
            "modelNotFound": NOT_FOUND,
            "datasetNotFound": NO_DATASET,
            "clientNotFound": refusal(404, "The database of the models does not exist."),
            "failedToGetDdl": refusal(502, "The definition of the table could not be read."),
        },
        cli=Cli(flags={"uuid": ("--uuid", "--model-uuid")}, examples=(f"cargo-ai storage model get-ddl {_EXAMPLE}",)),
    )
)

exists_by_slug: Operation[ModelBySlug, Exists, Never] = operations.add(
    Operation(
        "storage.model.existsBySlug",
        "GET",
        "/storage/models/existsBySlug",
        request=ModelBySlug,
        response=Exists,
        summary="Check whether a dataset has a model with this slug.",
        permission="storage:read",
        cli=Cli(examples=(f"cargo-ai storage model exists-by-slug --slug companies --dataset-uuid {_EXAMPLE}",)),
    )
)
