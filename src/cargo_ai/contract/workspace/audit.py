"""The audit log: every write, with who made it and from where."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire

Outcome = Literal["done", "refused"]


class AuditChange(Wire):
    """A field that a write was given. Its value is hidden where it may be a secret: texts, objects, credentials."""

    field: str
    value: Any
    is_hidden: bool


class AuditEntry(Wire):
    """One write, done or refused."""

    id: int
    at: Timestamp
    operation: str
    user_uuid: Uuid
    user_email: str | None
    token_uuid: Uuid
    token_name: str | None
    address: str | None = Field(description="Where the request came from; null: it was made before the log kept it.")
    target_uuid: Uuid | None
    status: int = Field(description="200: done. Others: refused, as the status of HTTP says.")
    reason: str | None
    changes: list[AuditChange]
    request_id: str


class AuditReply(Wire):
    """Entries, newest first."""

    entries: list[AuditEntry]


class AuditFilter(Wire):
    """Which entries."""

    user_uuid: Uuid | None = Field(default=None, description="Only by this user.")
    token_uuid: Uuid | None = Field(default=None, description="Only by this token.")
    target_uuid: Uuid | None = Field(default=None, description="Only on the thing with this uuid.")
    operation: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Only of this operation, or of those that begin with it: workspaceManagement.token"
    )
    outcome: Outcome | None = Field(default=None, description="Only what was done, or refused.")
    created_after: Timestamp | None = Field(default=None, description="Only from this time on.")
    created_before: Timestamp | None = Field(default=None, description="Only before this time.")


class ListAudit(AuditFilter):
    """A page of the entries."""

    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="How many to leave out.")


class DownloadAudit(AuditFilter):
    """The entries as a file."""

    format: Literal["csv", "json", "ndjson", "parquet"] | None = Field(default=None, description="csv, json, ndjson or parquet.")


get_all: Operation[ListAudit, AuditReply, Never] = operations.add(
    Operation(
        "workspaceManagement.audit.list",
        "GET",
        "/workspaceManagement/audit/list",
        request=ListAudit,
        response=AuditReply,
        summary="List every write in this workspace, newest first: who, from where, what, and what was refused.",
        permission="workspaceManagement:write",
        cli=Cli(
            examples=("cargo-ai workspace audit list --operation workspaceManagement.token --limit 20",),
            table=("entries", ("at", "userEmail", "tokenName", "address", "operation", "targetUuid", "status")),
        ),
    )
)

download: Operation[DownloadAudit, DownloadReply, Never] = operations.add(
    Operation(
        "workspaceManagement.audit.download",
        "POST",
        "/workspaceManagement/audit/download",
        request=DownloadAudit,
        response=DownloadReply,
        summary="Download the audit log of this workspace, oldest first.",
        permission="workspaceManagement:write",
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            examples=("cargo-ai workspace audit download --created-after 2026-01-01T00:00:00Z > audit.json",),
        ),
    )
)
