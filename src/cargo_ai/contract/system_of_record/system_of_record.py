"""Systems of record on the wire: the databases that hold the data. This one is the server's own PostgreSQL."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, no
from cargo_ai.kernel.wire import ByUuid, JsonObject, Moment, Nothing, Uuid, Wire

SystemOfRecordKind = Literal["bigQuery", "snowflake", "postgres"]


class SystemOfRecord(Wire):
    """A database that holds the workspace's data."""

    uuid: Uuid
    workspace_uuid: Uuid
    kind: SystemOfRecordKind
    slug: str = Field(description="The slug of its client, as `client get-documentation` takes it.")
    config: JsonObject
    last_migration: JsonObject | None
    cutover: JsonObject | None
    use_credits: bool
    is_active: bool
    created_at: Moment
    updated_at: Moment
    deleted_at: Moment | None


class SystemOfRecordReply(Wire):
    """One system of record."""

    system_of_record: SystemOfRecord


class SystemsOfRecordReply(Wire):
    """The systems of record of a workspace."""

    system_of_records: list[SystemOfRecord]


GetReason = Literal["systemOfRecordNotFound"]

get: Operation[ByUuid, SystemOfRecordReply, GetReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.get",
        "GET",
        "/systemOfRecordIntegration/systemOfRecords/{uuid}",
        takes=ByUuid,
        gives=SystemOfRecordReply,
        summary="Show a system of record.",
        needs="systemOfRecordIntegration:read",
        refuses={"systemOfRecordNotFound": no(404, "There is no system of record {uuid} in this workspace.")},
        cli=Cli(
            words=("system-of-record", "sor", "get"),
            examples=("cargo-ai system-of-record sor get 0198c5f0-0000-7000-8000-000000000001",),
        ),
    )
)

all: Operation[Nothing, SystemsOfRecordReply, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.all",
        "GET",
        "/systemOfRecordIntegration/systemOfRecords",
        takes=Nothing,
        gives=SystemsOfRecordReply,
        summary="List the databases that hold your data.",
        needs="systemOfRecordIntegration:read",
        cli=Cli(words=("system-of-record", "sor", "list"), examples=("cargo-ai system-of-record sor list",)),
    )
)
