"""The embedder of a workspace: the model that turns passages of files into vectors, so that they are found by their meaning, too."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire

EmbedderStatus = Literal["indexing", "ready", "error"]


class Embedder(Wire):
    """The embedder. `status`: `ready` when every passage has its vector; until then, and where it is `error`, files are searched by words.

    `errorMessage`: why the last passages could not be embedded; a worker tries again within an hour.
    """

    connector_uuid: Uuid
    integration_slug: str
    embedding_model_slug: str
    dimensions: int
    status: EmbedderStatus
    error_message: str | None
    chunks_count: int
    embedded_chunks_count: int
    created_at: Timestamp
    updated_at: Timestamp


class EmbedderReply(Wire):
    """The embedder; null where files are searched by words alone."""

    embedder: Embedder | None


class SetEmbedder(Wire):
    """Which model embeds. Another one than before embeds all passages again, in the background."""

    connector_uuid: Uuid = Field(description="A connector of a service with OpenAI's endpoint /embeddings.")
    embedding_model_slug: str = Field(
        min_length=1, max_length=200, description="The model as the service calls it, such as text-embedding-3-small."
    )


SetReason = Literal["connectorNotFound", "integrationNotCompatible", "embedderFailed"]

get: Operation[Nothing, EmbedderReply, Never] = operations.add(
    Operation(
        "content.embedder.get",
        "GET",
        "/content/embedders",
        request=Nothing,
        response=EmbedderReply,
        summary="Show the embedder, and how many passages have their vectors.",
        permission="content:file:read",
        cli=Cli(examples=("cargo-ai content embedder get",)),
    )
)

change: Operation[SetEmbedder, EmbedderReply, SetReason] = operations.add(
    Operation(
        "content.embedder.set",
        "PUT",
        "/content/embedders",
        request=SetEmbedder,
        response=EmbedderReply,
        summary="Have files found by their meaning as well as by their words: every passage is embedded, in the background.",
        permission="content:file:write",
        refusals={
            "connectorNotFound": refusal(404, "There is no connector {uuid} in this workspace."),
            "integrationNotCompatible": refusal(
                400, "{name} has no endpoint for embeddings: take a connector of openAi, mistral, gemini or openAiCompatible."
            ),
            "embedderFailed": refusal(400, "A text was embedded on trial, and nothing was changed: {problem}"),
        },
        agent_safe=False,
        cli=Cli(
            examples=("cargo-ai content embedder set --connector-uuid UUID --embedding-model-slug text-embedding-3-small",),
        ),
    )
)

remove: Operation[Nothing, EmbedderReply, Never] = operations.add(
    Operation(
        "content.embedder.remove",
        "DELETE",
        "/content/embedders",
        request=Nothing,
        response=EmbedderReply,
        summary="Search files by words alone. The vectors are removed.",
        permission="content:file:write",
        agent_safe=False,
        cli=Cli(examples=("cargo-ai content embedder remove",)),
    )
)
