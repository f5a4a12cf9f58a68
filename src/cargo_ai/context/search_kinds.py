"""Search kinds: how each domain finds its things by a part of their name or by their uuid, a few of them at a time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, false, func, literal, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.workspace import search as contract

_BEGINNING = re.compile(r"[0-9a-f]{8,32}")
_WRITTEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,12})?|[0-9a-f]{8,32}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, and how many there may be. `uuids`: the first and the last uuid that begin with it."""

    text: str
    limit: int
    uuids: tuple[uuid.UUID, uuid.UUID] | None

    @staticmethod
    def of(text: str, limit: int) -> Wanted:
        """What a person means by a text."""
        digits = text.lower().replace("-", "") if _WRITTEN.fullmatch(text.lower()) else ""
        uuids = (uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))) if _BEGINNING.fullmatch(digits) else None
        return Wanted(text, limit, uuids)

    @property
    def is_uuid(self) -> bool:
        """Whether it is a whole uuid, which is not a part of a name."""
        return self.uuids is not None and self.uuids[0] == self.uuids[1]

    def by_uuid(self, *columns: Any) -> ColumnElement[bool]:
        """The condition that one of these columns begins with it."""
        uuids = self.uuids
        return false() if uuids is None else or_(*(column.between(*uuids) for column in columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchKind:
    """One kind of things. permission: who may see them. find: those of the session's workspace that match, the best first; one more than
    the limit where there are more. names: what those of these uuids are called, also removed ones; None for a kind without names."""

    kind: contract.HitKind
    permission: str
    find: Callable[[AsyncSession, uuid.UUID, Wanted], Awaitable[list[contract.Hit]]]
    names: Callable[[AsyncSession, Collection[uuid.UUID]], Awaitable[dict[uuid.UUID, str]]] | None = None


def named(
    kind: contract.HitKind,
    permission: str,
    *,
    uid: Any,
    name: Any,
    slug: Any = None,
    living: ColumnElement[bool] | None = None,
    also: Sequence[Any] = (),
) -> SearchKind:
    """A kind whose things are rows with a name. uid, name, slug: their columns. living: those that are not removed. also: other uuids by
    which they are known."""

    async def find(db: AsyncSession, _workspace: uuid.UUID, wanted: Wanted) -> list[contract.Hit]:
        matches = wanted.by_uuid(uid, *also)
        if not wanted.is_uuid:
            texts = [column for column in (name, slug) if column is not None]
            matches = or_(matches, *(column.icontains(wanted.text, autoescape=True) for column in texts))
        query = select(uid, name, null() if slug is None else slug).where(matches)
        if living is not None:
            query = query.where(living)
        order = (name.istartswith(wanted.text, autoescape=True).desc(), func.lower(name), uid)
        rows = await db.execute(query.order_by(*order).limit(wanted.limit + 1))
        return [contract.Hit(kind=kind, uuid=str(row), name=called, slug=short) for row, called, short in rows]

    async def names(db: AsyncSession, uuids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        called: dict[uuid.UUID, str] = {}
        for column in (uid, *also):
            rows = await db.execute(select(column, name).where(column == any_(literal(list(uuids), ARRAY(Uuid)))))
            called |= {row: text for row, text in rows if text}
        return called

    return SearchKind(kind=kind, permission=permission, find=find, names=names)


def by_uuid(kind: contract.HitKind, permission: str, workspace_column: Any, uid: Any, name: Any) -> SearchKind:
    """A kind of which there may be millions: its things are found by their uuids only."""

    async def find(db: AsyncSession, workspace: uuid.UUID, wanted: Wanted) -> list[contract.Hit]:
        if wanted.uuids is None:
            return []
        query = select(uid, name).where(workspace_column == workspace, wanted.by_uuid(uid))
        rows = await db.execute(query.order_by(uid.desc()).limit(wanted.limit + 1))
        return [contract.Hit(kind=kind, uuid=str(row), name=called) for row, called in rows]

    return SearchKind(kind=kind, permission=permission, find=find)
