"""Documents: texts, code and tables that agents and users write together, version by version."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Timestamp, Uuid, Wire

DocumentKind = Literal["text", "code", "image", "sheet"]
MAXIMUM_CONTENT = 500_000
MAX_VERSIONS = 1_000
Title = Annotated[str, Field(min_length=1, max_length=500)]
Content = Annotated[str, Field(max_length=MAXIMUM_CONTENT)]


class Document(Wire):
    """One version of a document. All versions have its uuid; `createdAt` tells them apart."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid
    title: str | None
    content: str
    kind: DocumentKind
    created_at: Timestamp
    deleted_at: Timestamp | None


class DocumentReply(Wire):
    """A document."""

    document: Document


class DocumentsReply(Wire):
    """The versions of a document, the oldest first."""

    documents: list[Document]


class CreateDocument(Wire):
    """A new document, or another version of one."""

    uuid: Uuid = Field(description="A uuid of your choice, or that of a document, which gets a new version.")
    kind: DocumentKind = Field(description="text (Markdown), code, image (SVG or a data URL) or sheet (CSV).")
    title: Title = Field(description="Its title.")
    content: Content = Field(description="The whole content.")


class ListDocuments(Wire):
    """Whose versions to list."""

    uuid: Uuid = Field(description="The document.")
    limit: Limit = 100
    offset: Offset = 0


class ResetDocument(Wire):
    """To which version a document goes back."""

    uuid: Uuid = Field(description="The document.")
    created_at: Timestamp = Field(description="When the version to go back to was created.")


_NOT_FOUND = refusal(404, "There is no document {uuid} in this workspace.")

create: Operation[CreateDocument, DocumentReply, Literal["documentTaken", "tooManyVersions"]] = operations.add(
    Operation(
        "ai.document.create",
        "POST",
        "/ai/documents",
        request=CreateDocument,
        response=DocumentReply,
        summary="Create a document, or a new version of one.",
        permission="ai:agent:write",
        refusals={
            "documentTaken": refusal(409, "The uuid {uuid} cannot be used: take another one."),
            "tooManyVersions": refusal(409, f"Document {{uuid}} has {MAX_VERSIONS:,} versions, the maximum: continue in a new one."),
        },
        cli=Cli(
            examples=(
                "cargo-ai ai document create --uuid 0198c5f0-0000-7000-8000-000000000001 --kind text "
                '--title "Account plan" --content "# Acme"',
            ),
        ),
    )
)

get: Operation[ByUuid, DocumentReply, Literal["documentNotFound"]] = operations.add(
    Operation(
        "ai.document.get",
        "GET",
        "/ai/documents/{uuid}",
        request=ByUuid,
        response=DocumentReply,
        summary="Show the last version of a document.",
        permission="ai:agent:read",
        refusals={"documentNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai document get UUID",)),
    )
)

list_: Operation[ListDocuments, DocumentsReply, Never] = operations.add(
    Operation(
        "ai.document.list",
        "GET",
        "/ai/documents/list",
        request=ListDocuments,
        response=DocumentsReply,
        summary="List the versions of a document, the oldest first.",
        permission="ai:agent:read",
        cli=Cli(examples=("cargo-ai ai document list --uuid UUID",)),
    )
)

reset: Operation[ResetDocument, DocumentReply, Literal["documentNotFound"]] = operations.add(
    Operation(
        "ai.document.reset",
        "POST",
        "/ai/documents/reset",
        request=ResetDocument,
        response=DocumentReply,
        summary="Go back to an earlier version of a document; the later ones are removed.",
        permission="ai:agent:write",
        refusals={"documentNotFound": refusal(404, "Document {uuid} is not in this workspace, or has no version that is this old.")},
        cli=Cli(examples=("cargo-ai ai document reset --uuid UUID --created-at 2026-11-27T20:00:00.000Z",)),
    )
)
