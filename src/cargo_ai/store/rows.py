"""Base classes of the mapped tables, and the mark of those that belong to a workspace."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from cargo_ai.kernel import clock, ids

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(DeclarativeBase):
    """Base of every row. Ids and times come from the kernel, never from the database."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: Uuid(as_uuid=True),
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
    }


class Stamped:
    """The columns uuid, created_at and updated_at."""

    uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=ids.new)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Owned:
    """Belongs to one workspace: every ORM statement about it is filtered by the session's workspace (see store.session)."""

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(index=True)


Json = JSON(none_as_null=True)
"""JSON stored as text, which keeps the order of the user's keys."""


class Xid8(UserDefinedType[int]):
    """The type of PostgreSQL's 64-bit transaction ids."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "xid8"
