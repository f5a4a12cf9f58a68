"""Systems of record: the databases that hold the data; here the server's own PostgreSQL."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Timestamp, Uuid, Wire

SystemOfRecordKind = Literal["bigQuery", "snowflake", "postgres"]


class PostgresConfig(Wire):
    """The settings of the server's own PostgreSQL."""

    statement_timeout_seconds: Annotated[int, Field(ge=1, le=300, description="The query timeout in seconds, 1 to 300.")] = 30


class UpdateSystemOfRecord(Wire):
    """The new settings; absent ones return to their defaults."""

    uuid: Uuid = Field(description="The system of record.")
    config: PostgresConfig = Field(description='The settings: {"statementTimeoutSeconds":120} (1 to 300; 30 by default).')


class SystemOfRecord(Wire):
    """A database that holds the workspace's data."""

    uuid: Uuid
    workspace_uuid: Uuid
    kind: SystemOfRecordKind
    slug: str = Field(description="The slug of its client, for `client get-documentation`.")
    config: PostgresConfig
    last_migration: JsonObject | None
    cutover: JsonObject | None
    use_credits: bool
    is_active: bool
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class SystemOfRecordReply(Wire):
    """One system of record."""

    system_of_record: SystemOfRecord


class SystemsOfRecordReply(Wire):
    """The systems of record of a workspace."""

    system_of_records: list[SystemOfRecord]


_NOT_FOUND = refusal(404, "There is no system of record {uuid} in this workspace.")
_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
GetReason = Literal["systemOfRecordNotFound"]

get: Operation[ByUuid, SystemOfRecordReply, GetReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.get",
        "GET",
        "/systemOfRecordIntegration/systemOfRecords/{uuid}",
        request=ByUuid,
        response=SystemOfRecordReply,
        summary="Show a system of record.",
        permission="systemOfRecordIntegration:read",
        refusals={"systemOfRecordNotFound": _NOT_FOUND},
        cli=Cli(
            words=("system-of-record", "sor", "get"),
            examples=(f"cargo-ai system-of-record sor get {_EXAMPLE}",),
        ),
    )
)

all: Operation[Nothing, SystemsOfRecordReply, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.all",
        "GET",
        "/systemOfRecordIntegration/systemOfRecords",
        request=Nothing,
        response=SystemsOfRecordReply,
        summary="List the databases that hold your data.",
        permission="systemOfRecordIntegration:read",
        cli=Cli(words=("system-of-record", "sor", "list"), examples=("cargo-ai system-of-record sor list",)),
    )
)

update: Operation[UpdateSystemOfRecord, SystemOfRecordReply, GetReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.update",
        "PUT",
        "/systemOfRecordIntegration/systemOfRecords/{uuid}",
        request=UpdateSystemOfRecord,
        response=SystemOfRecordReply,
        summary="Set the query timeout of a system of record.",
        permission="systemOfRecordIntegration:write",
        refusals={"systemOfRecordNotFound": _NOT_FOUND},
        cli=Cli(
            words=("system-of-record", "sor", "update"),
            examples=(f"cargo-ai system-of-record sor update {_EXAMPLE} --config '{{\"statementTimeoutSeconds\":120}}'",),
        ),
    )
)

RemoveReason = Literal["systemOfRecordNotFound", "systemOfRecordIsUsed"]

remove: Operation[ByUuid, SystemOfRecordReply, RemoveReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.systemOfRecord.remove",
        "DELETE",
        "/systemOfRecordIntegration/systemOfRecords/{uuid}",
        request=ByUuid,
        response=SystemOfRecordReply,
        summary="Remove a system of record; the server's own PostgreSQL, which holds the models, always stays.",
        permission="systemOfRecordIntegration:write",
        refusals={
            "systemOfRecordNotFound": _NOT_FOUND,
            "systemOfRecordIsUsed": refusal(
                409, "The workspace's models are in it: it is the server's own PostgreSQL and cannot be removed."
            ),
        },
        agent_safe=False,
        cli=Cli(words=("system-of-record", "sor", "remove"), examples=(f"cargo-ai system-of-record sor remove {_EXAMPLE}",)),
    )
)
