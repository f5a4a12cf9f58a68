"""Tables of libraries, files, the pieces of their texts, how often words occur, and vectors."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, REAL, BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import BIT, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Library(Stamped, Owned, Row):
    """A library. Each workspace has a default one, which uploads go into that name none.

    lease, leased_until: the job that fills one of a connector. error_message: why the last time it could not be filled.
    """

    __tablename__ = "content_libraries"
    __table_args__ = (Index("uq_content_libraries_default", "workspace_uuid", unique=True, postgresql_where=text("is_default")),)

    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False)
    connector_uuid: Mapped[uuid.UUID | None]
    extractor_slug: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    last_synced_at: Mapped[datetime | None]
    lease: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    error_message: Mapped[str | None]


class File(Stamped, Owned, Row):
    """A file. status: whether its text can be searched. chunks_count, words_count: of what is searched now, also while a new text is read.

    tries: how often reading was begun since the file last changed. vectors_of: the generation of vectors that all of its chunks have.
    external_id, external_version: as the service has it that the file comes from.
    """

    __tablename__ = "content_files"
    __table_args__ = (
        Index("ix_content_files_library", "library_uuid", "uuid"),
        Index("uq_content_files_external", "library_uuid", "external_id", unique=True, postgresql_where=text("external_id is not null")),
    )

    library_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("content_libraries.uuid"))
    user_uuid: Mapped[uuid.UUID | None]
    name: Mapped[str]
    s3_filename: Mapped[str] = mapped_column(unique=True)
    content_type: Mapped[str]
    size: Mapped[int]
    folder_uuid: Mapped[uuid.UUID | None] = mapped_column(index=True)
    external_id: Mapped[str | None]
    external_version: Mapped[str | None]
    status: Mapped[str]
    error_message: Mapped[str | None]
    warning: Mapped[str | None]
    chunks_count: Mapped[int] = mapped_column(default=0)
    words_count: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    vectors_of: Mapped[uuid.UUID | None]


class Chunk(Owned, Row):
    """A piece of a file's text. number: its place among them. position: `{page}`, `{sheet, row, lastRow}`, `{heading}`.

    words: how many words are counted in `terms`.
    """

    __tablename__ = "content_chunks"
    __table_args__ = (
        Index("uq_content_chunks_number", "file_uuid", "number", unique=True),
        Index("ix_content_chunks_terms", "workspace_uuid", "terms", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    file_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("content_files.uuid", ondelete="CASCADE"))
    number: Mapped[int]
    text: Mapped[str]
    position: Mapped[dict[str, Any]] = mapped_column(Json)
    words: Mapped[int]
    terms: Mapped[str] = mapped_column(TSVECTOR)


class Term(Owned, Row):
    """In how many chunks of a workspace a word occurs."""

    __tablename__ = "content_terms"

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    chunks: Mapped[int]


class Embedder(Owned, Row):
    """What turns the chunks of a workspace into vectors. generation: changes with the model; only vectors of the present one count.

    lease, leased_until: the job that is at it. error_message: why the last batch failed; tries: how often in a row.
    """

    __tablename__ = "content_embedders"

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    generation: Mapped[uuid.UUID]
    connector_uuid: Mapped[uuid.UUID]
    integration_slug: Mapped[str]
    model: Mapped[str]
    dimensions: Mapped[int]
    lease: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    error_message: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Vector(Owned, Row):
    """The vector of a chunk, of length 1. signs: 1 where a component is positive: they tell the nearest hundreds, `exact` their order."""

    __tablename__ = "content_vectors"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("content_chunks.id", ondelete="CASCADE"), primary_key=True)
    file_uuid: Mapped[uuid.UUID] = mapped_column(index=True)
    generation: Mapped[uuid.UUID]
    signs: Mapped[str] = mapped_column(BIT(varying=True))
    exact: Mapped[list[float]] = mapped_column(ARRAY(REAL))
