"""Reports: feedback of users, kept in their workspace."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class Report(Wire):
    """What a user reported."""

    uuid: Uuid
    user_uuid: Uuid
    workspace_uuid: Uuid
    title: str
    description: str
    created_at: Timestamp


class ReportReply(Wire):
    """One report."""

    report: Report


class ListReports(Wire):
    """Which page of the reports."""

    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="How many to leave out.")


class ReportsReply(Wire):
    """The reports, newest first."""

    reports: list[Report]


class CreateReport(Wire):
    """A new report."""

    title: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="What it is about.")
    description: Annotated[str, Field(max_length=20_000)] = Field(description="What happened, or what is missing.")


CreateReason = Literal["tooManyReports"]

create: Operation[CreateReport, ReportReply, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.report.create",
        "POST",
        "/workspaceManagement/reports",
        request=CreateReport,
        response=ReportReply,
        summary="Report a problem or a wish to those who run this server; it is kept here and sent nowhere.",
        permission=None,
        refusals={"tooManyReports": refusal(409, "This workspace keeps {most} reports, which is as many as it can have.")},
        cli=Cli(examples=('cargo-ai workspace report create --title "Slow batch" --description "Batch 17 took two hours."',)),
    )
)

get_all: Operation[ListReports, ReportsReply, Never] = operations.add(
    Operation(
        "workspaceManagement.report.list",
        "GET",
        "/workspaceManagement/reports/list",
        request=ListReports,
        response=ReportsReply,
        summary="List the reports of this workspace, newest first.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace report list",)),
    )
)
"""Every report."""
