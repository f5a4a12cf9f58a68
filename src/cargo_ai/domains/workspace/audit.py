"""Audit log: list and export what was written in a workspace, and forget what is too old."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.workspace import audit as contract
from cargo_ai.domains.workspace.tables import Token, User
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import AuditEntry

KIND = "audit"
PAGE = 1_000
_PRUNED_AT_ONCE = 10_000
_NO_ONE = uuid.UUID(int=0)


def _conditions(request: contract.AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, text in (
        (AuditEntry.user_uuid, request.user_uuid),
        (AuditEntry.token_uuid, request.token_uuid),
        (AuditEntry.target_uuid, request.target_uuid),
    ):
        if text is not None:
            conditions.append(column == (ids.parse(text) or _NO_ONE))
    if request.operation is not None:
        conditions.append(AuditEntry.operation.startswith(request.operation, autoescape=True))
    if request.outcome is not None:
        conditions.append(AuditEntry.status == 200 if request.outcome == "done" else AuditEntry.status != 200)
    if request.created_after is not None:
        conditions.append(AuditEntry.at >= request.created_after)
    if request.created_before is not None:
        conditions.append(AuditEntry.at < request.created_before)
    return conditions


def _select(request: contract.AuditFilter) -> Select[AuditEntry, str, str]:
    named = (
        select(AuditEntry, User.email, Token.name)
        .outerjoin(User, User.uuid == AuditEntry.user_uuid)
        .outerjoin(Token, (Token.uuid == AuditEntry.token_uuid) & (Token.workspace_uuid == AuditEntry.workspace_uuid))
    )
    return named.where(*_conditions(request))


def to_response(row: AuditEntry, email: str | None, token_name: str | None) -> contract.AuditEntry:
    """The entry on the wire."""
    return contract.AuditEntry(
        id=row.id,
        at=row.at,
        operation=row.operation,
        user_uuid=str(row.user_uuid),
        user_email=email,
        token_uuid=str(row.token_uuid),
        token_name=token_name,
        address=row.address,
        target_uuid=None if row.target_uuid is None else str(row.target_uuid),
        status=row.status,
        reason=row.reason,
        changes=[
            contract.AuditChange(field=name, value=value[0] if value else None, is_hidden=not value)
            for name, value in (row.changes or {}).items()
        ],
        request_id=row.request_id,
    )


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListAudit) -> contract.AuditReply:
    """A page of the entries, newest first."""
    query = _select(request).order_by(AuditEntry.id.desc()).limit(request.limit).offset(request.offset)
    return contract.AuditReply(entries=[to_response(row[0], row[1], row[2]) for row in await ctx.db.execute(query)])


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadAudit) -> DownloadReply:
    """The URL of a file with all entries."""
    params = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, KIND, params, request.format))


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """All entries, oldest first. Each page is read in its own short session."""
    request = contract.DownloadAudit.model_validate(params)

    async def rows() -> AsyncIterator[list[exports.Record]]:
        last = 0
        while True:
            query = _select(request).where(AuditEntry.id > last).order_by(AuditEntry.id).limit(PAGE)
            async with services.database.session(workspace) as db:
                page = [to_response(row[0], row[1], row[2]) for row in await db.execute(query)]
            if not page:
                return
            last = page[-1].id
            yield [entry.to_wire() for entry in page]

    columns = [field.alias or name for name, field in contract.AuditEntry.model_fields.items()]
    return Export(rows(), columns, "audit")


async def prune(database: Database, settings: Settings) -> None:
    """Forget entries that are older than CARGO_AI_KEEP_AUDIT_DAYS. Ids grow with time, so the oldest are found by them."""
    limit = clock.now() - timedelta(days=settings.keep_audit_days)
    oldest = select(AuditEntry.id).order_by(AuditEntry.id).limit(_PRUNED_AT_ONCE).scalar_subquery()
    removed = _PRUNED_AT_ONCE
    while removed == _PRUNED_AT_ONCE:
        async with database.session(ALL_WORKSPACES) as db:
            result = await db.execute(delete(AuditEntry).where(AuditEntry.id.in_(oldest), AuditEntry.at < limit).returning(AuditEntry.id))
            removed = len(result.all())
            await db.commit()
