"""Documents: make, show and list their versions, and go back to one."""

from __future__ import annotations

from typing import cast

from sqlalchemy import delete, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import document as contract
from cargo_ai.domains.ai.documents import versions
from cargo_ai.domains.ai.tables import Document
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import ByUuid


def to_response(row: Document) -> contract.Document:
    """A version on the wire."""
    return contract.Document(
        uuid=str(row.document_uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        title=row.title,
        content=row.content,
        kind=cast("contract.DocumentKind", row.kind),
        created_at=row.created_at,
        deleted_at=None,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateDocument) -> contract.DocumentReply:
    """A document, or another version of one."""
    uid = ids.parse(request.uuid)
    if uid is None:
        raise invalid_input([{"path": "uuid", "message": "is not a uuid"}])
    draft = versions.Draft(request.kind, request.title, request.content)
    try:
        row = await versions.write(ctx.db, ctx.workspace, ctx.who.user_uuid, uid, draft)
    except versions.Taken:
        contract.create.refuse("documentTaken", uuid=uid)
    except versions.TooMany:
        contract.create.refuse("tooManyVersions", uuid=uid)
    return contract.DocumentReply(document=to_response(row))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.DocumentReply:
    """The last version."""
    row = await versions.last(ctx.db, ids.parse(request.uuid))
    return contract.DocumentReply(document=to_response(found_or_refuse(contract.get, row, "documentNotFound", uuid=request.uuid)))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListDocuments) -> contract.DocumentsReply:
    """The versions, the oldest first."""
    query = select(Document).where(Document.document_uuid == ids.parse(request.uuid)).order_by(Document.created_at, Document.version_uuid)
    rows = await ctx.db.scalars(query.limit(request.limit).offset(request.offset))
    return contract.DocumentsReply(documents=[to_response(row) for row in rows])


@handles(contract.reset)
async def reset(ctx: Context, request: contract.ResetDocument) -> contract.DocumentReply:
    """Remove the versions after one; there has to be one left."""
    uid = ids.parse(request.uuid)
    kept = select(Document.version_uuid).where(Document.document_uuid == uid, Document.created_at <= request.created_at)
    if await ctx.db.scalar(kept.limit(1)) is None:
        contract.reset.refuse("documentNotFound", uuid=request.uuid, fix=f"cargo-ai ai document list --uuid {request.uuid}")
    await ctx.db.execute(delete(Document).where(Document.document_uuid == uid, Document.created_at > request.created_at))
    row = found_or_refuse(contract.reset, await versions.last(ctx.db, uid), "documentNotFound", uuid=request.uuid)
    return contract.DocumentReply(document=to_response(row))
