"""Tables that belong to no domain: references, the bin, idempotency keys, the audit log, the installation."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Json, Owned, Row


class Reference(Owned, Row):
    """Thing A uses thing B. The domain of A writes the row; every domain may ask what uses B."""

    __tablename__ = "references"
    __table_args__ = (Index("ix_references_to", "to_kind", "to_uuid"),)

    from_kind: Mapped[str] = mapped_column(primary_key=True)
    from_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    to_kind: Mapped[str] = mapped_column(primary_key=True)
    to_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class WorkerMetrics(Row):
    """What a worker on another machine has counted, in Prometheus' text format. `process`: its machine and process."""

    __tablename__ = "worker_metrics"

    worker_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    process: Mapped[str]
    page: Mapped[str]
    written_ms: Mapped[int]


class BinItem(Owned, Row):
    """A removed thing that can be restored; its own rows and tables are kept beside it.

    uses: what it used, as `[kind, uuid]`. kept: what its kind needs to bring it back. is_due: it is removed forever at the next occasion.
    """

    __tablename__ = "bin_items"
    __table_args__ = (Index("ix_bin_items_workspace_uuid", "workspace_uuid", "removed_at"),)

    uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    kind: Mapped[str]
    name: Mapped[str]
    slug: Mapped[str | None]
    records_count: Mapped[int | None]
    user_uuid: Mapped[uuid.UUID]
    token_uuid: Mapped[uuid.UUID]
    removed_at: Mapped[datetime] = mapped_column(index=True)
    is_due: Mapped[bool] = mapped_column(default=False)
    uses: Mapped[list[Any]] = mapped_column(Json)
    kept: Mapped[dict[str, Any]] = mapped_column(Json)


class IdempotencyKey(Row):
    """The response that a key got, for 24 hours: the same key gets it again."""

    __tablename__ = "idempotency_keys"

    token_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class AuditEntry(Owned, Row):
    """Who changed what, with which operation, or was refused to. `changes`: the fields that were given, each with a list of its value,
    which is empty where that may be a secret."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_workspace_uuid", "workspace_uuid", "id"),)

    # The index above has it, so that it has none of its own.
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_uuid: Mapped[uuid.UUID]
    token_uuid: Mapped[uuid.UUID]
    operation: Mapped[str]
    target_uuid: Mapped[uuid.UUID | None]
    request_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    address: Mapped[str | None]
    status: Mapped[int] = mapped_column(default=200)
    reason: Mapped[str | None]
    changes: Mapped[dict[str, list[Any]] | None] = mapped_column(Json)


class Installation(Row):
    """One row: the id of this installation and a sealed probe, so that a wrong secret key fails at the start."""

    __tablename__ = "installation"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sealed_probe: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
