"""Records: the rows of a model, one by one or in bulk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import Counted, JsonObject, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
MAX_BULK = 10_000

Id = Annotated[str, Field(min_length=1, max_length=2_000, description="The `_id` of the record.")]


class ByRecord(Wire):
    """One record of a model."""

    model_uuid: Uuid = Field(description="The model.")
    id: Id


class CreateRecord(Wire):
    """A new record: values by column."""

    model_uuid: Uuid = Field(description="The model.")
    data: JsonObject = Field(description='The values by column: {"domain":"acme.com","name":"Acme"}.')


class NewRecord(Wire):
    """One of many new records."""

    data: JsonObject


class CreateRecords(Wire):
    """New records; all are added, or none."""

    model_uuid: Uuid = Field(description="The model.")
    records: Annotated[list[NewRecord], Field(max_length=MAX_BULK)] = Field(
        description='The records, at most 10,000: [{"data":{"domain":"acme.com"}}].'
    )


class UpdateRecord(Wire):
    """Changes to a record: values by column; absent columns stay as they are."""

    model_uuid: Uuid = Field(description="The model.")
    id: Id
    data: JsonObject = Field(description='The new values by column: {"tier":"gold"}; absent columns stay as they are.')


class ChangedRecord(Wire):
    """One of many records to change."""

    id: Id
    data: JsonObject


class UpdateRecords(Wire):
    """Changes to records; all are made, or none."""

    model_uuid: Uuid = Field(description="The model.")
    records: Annotated[list[ChangedRecord], Field(max_length=MAX_BULK)] = Field(
        description='The changes, at most 10,000: [{"id":"acme.com","data":{"tier":"gold"}}].'
    )


class RemoveRecords(Wire):
    """Which records to remove."""

    model_uuid: Uuid = Field(description="The model.")
    ids: Annotated[list[Id], Field(max_length=MAX_BULK)] = Field(description="The ids, at most 10,000, comma-separated.")


class SystemSort(Wire):
    """A sort order by a system column."""

    kind: Literal["asc", "desc"] = "desc"
    column_slug: Literal["_id", "_title", "_emitted_at"] = "_emitted_at"


class ListRecords(Wire):
    """A page of a model's records, the newest first by default."""

    model_uuid: Uuid = Field(description="The model.")
    from_ingest: bool | None = Field(default=None, description="Accepted for compatibility; it has no effect.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")] = 0
    sort: SystemSort | None = Field(
        default=None, description='The sort order: {"columnSlug":"_emitted_at","kind":"desc"} (the default); or by _id or _title.'
    )
    after: Annotated[str, Field(min_length=1, max_length=1_000)] | None = Field(
        default=None,
        description="Only records after the one with this _id, in the order of their _id; it stands in place of --sort and --offset.",
    )

    @model_validator(mode="after")
    def _in_the_order_of_ids(self) -> ListRecords:
        is_by_id = self.sort is None or (self.sort.column_slug, self.sort.kind) == ("_id", "asc")
        if self.after is not None and (self.offset or not is_by_id):
            raise ValueError("after goes through the records in the order of their _id: leave out offset, and sort unless it is _id, asc")
        return self


class RecordReply(Wire):
    """One record: its columns by slug, `_id`, `_title`, `_time` and the times of its creation and last change."""

    record: JsonObject


class FoundRecord(Wire):
    """One record, and whether its model is being refreshed."""

    record: JsonObject
    is_refreshing: bool


class RemovedRecord(Wire):
    """The id of the removed record; `count`: 1 if it existed, else 0."""

    id: str
    count: int


class RecordsReply(Wire):
    """Records, in the order of the request."""

    records: list[JsonObject]


class FoundRecords(Wire):
    """A page of records, and whether their model is being refreshed."""

    records: list[JsonObject]
    is_refreshing: bool


_no_model = refusal(404, "There is no model {uuid} in this workspace.")
_no_record = refusal(404, "The model has no record {id}.")
WriteReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "connectorNotFound",
    "integrationNotFound",
    "integrationNotCompatible",
    "incompatibleWithRecordAction",
    "notEnoughCredits",
    "recordNotFound",
    "recordAlreadyExists",
]

_writes: dict[WriteReason, RefusalSpec] = {
    "modelNotFound": _no_model,
    "datasetNotFound": refusal(404, "The model's dataset is gone."),
    "connectorNotFound": refusal(404, "The model's connector is gone."),
    "integrationNotFound": refusal(404, "The model's integration is not on this server."),
    "integrationNotCompatible": refusal(400, "Records of this model cannot be written: its integration does not support it."),
    "incompatibleWithRecordAction": refusal(400, "{problem}"),
    "notEnoughCredits": refusal(402, "There are not enough credits for this."),
    "recordNotFound": _no_record,
    "recordAlreadyExists": refusal(409, "The model has a record {id} already."),
}

create: Operation[CreateRecord, RecordReply, WriteReason] = operations.add(
    Operation(
        "storage.record.create",
        "POST",
        "/storage/records/create",
        request=CreateRecord,
        response=RecordReply,
        summary="Add a record to a model.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(examples=(f'cargo-ai storage record create --model-uuid {_EXAMPLE} --data \'{{"domain":"acme.com","name":"Acme"}}\'',)),
    )
)

create_bulk: Operation[CreateRecords, RecordsReply, WriteReason] = operations.add(
    Operation(
        "storage.record.createBulk",
        "POST",
        "/storage/records/createBulk",
        request=CreateRecords,
        response=RecordsReply,
        summary="Add many records; none if one of them is invalid.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(
            examples=(f'cargo-ai storage record create-bulk --model-uuid {_EXAMPLE} --records \'[{{"data":{{"domain":"acme.com"}}}}]\'',)
        ),
    )
)

update: Operation[UpdateRecord, RecordReply, WriteReason] = operations.add(
    Operation(
        "storage.record.update",
        "PUT",
        "/storage/records/update",
        request=UpdateRecord,
        response=RecordReply,
        summary="Change column values of a record.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(
            examples=(f'cargo-ai storage record update --model-uuid {_EXAMPLE} --id acme.com --data \'{{"tier":"gold"}}\'',),
        ),
    )
)

update_bulk: Operation[UpdateRecords, RecordsReply, WriteReason] = operations.add(
    Operation(
        "storage.record.updateBulk",
        "PUT",
        "/storage/records/updateBulk",
        request=UpdateRecords,
        response=RecordsReply,
        summary="Change many records; none if one of them is invalid.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(
            examples=(
                f'cargo-ai storage record update-bulk --model-uuid {_EXAMPLE} --records \'[{{"id":"acme.com","data":{{"tier":"gold"}}}}]\'',
            )
        ),
    )
)

remove: Operation[ByRecord, RemovedRecord, WriteReason] = operations.add(
    Operation(
        "storage.record.remove",
        "DELETE",
        "/storage/records/remove",
        request=ByRecord,
        response=RemovedRecord,
        summary="Remove a record.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(examples=(f"cargo-ai storage record remove --model-uuid {_EXAMPLE} --id acme.com",)),
    )
)

remove_bulk: Operation[RemoveRecords, Counted, WriteReason] = operations.add(
    Operation(
        "storage.record.removeBulk",
        "DELETE",
        "/storage/records/removeBulk",
        request=RemoveRecords,
        response=Counted,
        summary="Remove many records; unknown ids are ignored.",
        permission="storage:write",
        refusals=_writes,
        cli=Cli(
            danger="This removes the records for good.",
            examples=(f"cargo-ai storage record remove-bulk --model-uuid {_EXAMPLE} --ids acme.com,globex.com --yes",),
        ),
    )
)

GetReason = Literal["modelNotFound", "datasetNotFound", "failedToRefreshModel", "failedToFetchRecord", "recordNotFound"]

get: Operation[ByRecord, FoundRecord, GetReason] = operations.add(
    Operation(
        "storage.record.get",
        "GET",
        "/storage/records/get",
        request=ByRecord,
        response=FoundRecord,
        summary="Show a record with all its columns.",
        permission="storage:read",
        refusals={
            "modelNotFound": _no_model,
            "datasetNotFound": refusal(404, "The model's dataset is gone."),
            "failedToRefreshModel": refusal(502, "The model could not be refreshed."),
            "failedToFetchRecord": refusal(502, "The record could not be read."),
            "recordNotFound": _no_record,
        },
        cli=Cli(examples=(f"cargo-ai storage record get --model-uuid {_EXAMPLE} --id acme.com",)),
    )
)

ListReason = Literal[
    "modelNotFound",
    "datasetNotFound",
    "modelNotCompatible",
    "connectorNotFound",
    "integrationNotFound",
    "failedToRefreshModel",
    "failedToFetchRecords",
    "integrationNotCompatible",
    "invalidConfig",
]

get_all: Operation[ListRecords, FoundRecords, ListReason] = operations.add(
    Operation(
        "storage.record.list",
        "POST",
        "/storage/records/list",
        request=ListRecords,
        response=FoundRecords,
        summary="List the records of a model, the newest first.",
        permission="storage:read",
        refusals={
            "modelNotFound": _no_model,
            "datasetNotFound": refusal(404, "The model's dataset is gone."),
            "modelNotCompatible": refusal(400, "This model has no records to list."),
            "connectorNotFound": refusal(404, "The model's connector is gone."),
            "integrationNotFound": refusal(404, "The model's integration is not on this server."),
            "failedToRefreshModel": refusal(502, "The model could not be refreshed."),
            "failedToFetchRecords": refusal(502, "The records could not be read."),
            "integrationNotCompatible": refusal(400, "The model's integration has no records to list."),
            "invalidConfig": refusal(400, "The model's config is not valid."),
        },
        reads=True,
        cli=Cli(
            examples=(
                f"cargo-ai storage record list --model-uuid {_EXAMPLE} --limit 20",
                f"cargo-ai storage record list --model-uuid {_EXAMPLE} --all --output csv",
            ),
            goes_on=("after", "_id"),
            goes_on_with={"sort": {"columnSlug": "_id", "kind": "asc"}},
        ),
    )
)
