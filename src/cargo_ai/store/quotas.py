"""Quotas: how much of each kind one workspace keeps and may keep, counted in the transactions of the writers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.driver import Connection, execute, fetch, value
from cargo_ai.store.rows import Owned, Row

QuotaKind = Literal["storedBytes", "records", "outputBytes"]
Unit = Literal["bytes", "records", "runs", "uploads"]

STATUS = 413
REASON = "quotaExceeded"
FOLD_ABOVE = 200
"""Where more changes wait to be added up, the next small write does it."""
SMALL_WRITE = 10_000
_NEAR_PART = 20
"""Where this many writes like the present one would not fit any more, writers take turns, and the limit is exact."""


class QuotaTotal(Owned, Row):
    """How much of a kind a workspace keeps, without the changes that are not yet added up. `subject`: a model's uuid, or a table."""

    __tablename__ = "quota_totals"

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int]


class QuotaChange(Owned, Row):
    """What one transaction added or removed. Rows of their own, so that no writer waits for another."""

    __tablename__ = "quota_changes"
    __table_args__ = (Index("ix_quota_changes_workspace_uuid", "workspace_uuid", "kind"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    kind: Mapped[str]
    subject: Mapped[str]
    amount: Mapped[int]


class Used(NamedTuple):
    """How much of a kind a workspace keeps, and how many changes are not yet added up."""

    amount: int
    changes: int


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota: its setting, its unit, what it limits in the plural, and what a workspace can do to use less."""

    setting: str
    unit: Unit
    what: str
    remedy: str

    def limit(self, settings: Settings) -> int:
        """The most that one workspace may keep; 0: no limit."""
        return int(getattr(settings, self.setting))

    @property
    def variable(self) -> str:
        """The environment variable of its setting."""
        return f"CARGO_AI_{self.setting.upper()}"


QUOTAS: Final[Mapping[QuotaKind, Quota]] = {
    "storedBytes": Quota(
        "max_stored_bytes",
        "bytes",
        "stored files",
        "Uploads that nothing reads are removed after CARGO_AI_UPLOAD_RETENTION_DAYS, ingest reports after 30 days; archived runs by "
        "`cargo-ai orchestration archive remove`.",
    ),
    "records": Quota(
        "max_records",
        "records",
        "records",
        "Remove records, or models that are not needed (`cargo-ai storage model list`); those in the bin count, too "
        "(`cargo-ai workspace bin list`).",
    ),
    "outputBytes": Quota(
        "max_output_bytes", "bytes", "outputs of runs", "Let nodes give less than 64 KB each: what is larger is stored as a file."
    ),
}

_USED = """
select t.used + c.amount, c.changes
from (select coalesce(sum(used), 0) as used from quota_totals where workspace_uuid = %(workspace)s and kind = %(kind)s) as t,
    (select coalesce(sum(amount), 0) as amount, count(*) as changes from quota_changes
        where workspace_uuid = %(workspace)s and kind = %(kind)s) as c
"""
_LOCK = "select pg_advisory_xact_lock(hashtextextended(%(workspace)s::text || %(kind)s, 21))"
_TRY_FOLD = "select pg_try_advisory_xact_lock(hashtextextended(%(workspace)s::text || %(kind)s, 22))"
_FOLD = """
with gone as (delete from quota_changes where workspace_uuid = %(workspace)s and kind = %(kind)s returning subject, amount),
    sums as (select subject, sum(amount) as amount from gone group by subject)
insert into quota_totals as t (workspace_uuid, kind, subject, used)
select %(workspace)s, %(kind)s, subject, amount from sums
on conflict (workspace_uuid, kind, subject) do update set used = t.used + excluded.used
"""
_BY_SUBJECT = """
select kind, subject, sum(used)::bigint from (
    select kind, subject, used from quota_totals where workspace_uuid = %(workspace)s
    union all select kind, subject, amount from quota_changes where workspace_uuid = %(workspace)s
) as u group by kind, subject having sum(used) > 0 order by 3 desc
"""
_USED_BY = """
select coalesce(sum(used), 0)::bigint from (
    select used from quota_totals where workspace_uuid = %(workspace)s and kind = %(kind)s and subject = %(subject)s
    union all
    select amount from quota_changes where workspace_uuid = %(workspace)s and kind = %(kind)s and subject = %(subject)s
) as u
"""
_ADD = "insert into quota_changes (workspace_uuid, kind, subject, amount) values (%s, %s, %s, %s)"
_FORGET = """
insert into quota_changes (workspace_uuid, kind, subject, amount)
select %(workspace)s, %(kind)s, %(subject)s, -sum(used) from (
    select used from quota_totals where workspace_uuid = %(workspace)s and kind = %(kind)s and subject = %(subject)s
    union all
    select amount from quota_changes where workspace_uuid = %(workspace)s and kind = %(kind)s and subject = %(subject)s
) as u having sum(used) <> 0
"""


async def used_of(connection: Connection, workspace: uuid.UUID, kind: QuotaKind) -> int:
    """How much a workspace keeps, with what this transaction has added. O(subjects + changes not yet added up)."""
    return int(await value(connection, _USED, {"workspace": workspace, "kind": kind}))


async def by_subject(connection: Connection, workspace: uuid.UUID) -> list[tuple[str, str, int]]:
    """Everything that is counted of a workspace as (kind, subject, used), the largest first."""
    return [(kind, subject, int(used)) for kind, subject, used in await fetch(connection, _BY_SUBJECT, {"workspace": workspace})]


async def used_by(connection: Connection, workspace: uuid.UUID, kind: QuotaKind, subject: str) -> int:
    """How much of a kind is counted for one subject."""
    return int(await value(connection, _USED_BY, {"workspace": workspace, "kind": kind, "subject": subject}))


async def add(connection: Connection, workspace: uuid.UUID, kind: QuotaKind, subject: str, amount: int) -> None:
    """Count something that no trigger counts."""
    if amount:
        await execute(connection, _ADD, [workspace, kind, subject, amount])


async def forget(connection: Connection, workspace: uuid.UUID, kind: QuotaKind, subject: str) -> None:
    """Count nothing of a subject any more: it is removed as a whole, and no other transaction writes into it."""
    await execute(connection, _FORGET, {"workspace": workspace, "kind": kind, "subject": subject})


async def require(
    connection: Connection, workspace: uuid.UUID, kind: QuotaKind, settings: Settings, added: int, known: Used | None = None
) -> None:
    """Refuse when the workspace keeps more than it may, now that this transaction has added `added`: then roll it back. `known`: what was
    read before in this transaction, where that has added nothing yet.

    One select while there is plenty of room. Close to the limit, transactions that add take turns until their commit, so that not two
    of them take the last place.
    """
    limit = QUOTAS[kind].limit(settings)
    if not limit or added <= 0:
        return
    values = {"workspace": workspace, "kind": kind}
    used, changes = known or Used(*(await fetch(connection, _USED, values))[0])
    if used <= limit < used + _NEAR_PART * added:
        await execute(connection, _LOCK, values)
        used = await used_of(connection, workspace, kind)
    if used > limit:
        raise exceeded(kind, settings, int(used) - added, added)
    if changes > FOLD_ABOVE and added <= SMALL_WRITE:
        await fold(connection, workspace, kind)


async def fold(connection: Connection, workspace: uuid.UUID, kind: str) -> None:
    """Add up the changes of one kind, unless another transaction is at it."""
    values = {"workspace": workspace, "kind": kind}
    if await value(connection, _TRY_FOLD, values):
        await execute(connection, _FOLD, values)


async def fold_all(connection: Connection) -> None:
    """Add up the changes of all workspaces, in the caller's transaction."""
    for workspace, kind in await fetch(connection, "select distinct workspace_uuid, kind from quota_changes"):
        await fold(connection, workspace, kind)


def exceeded(kind: QuotaKind, settings: Settings, used: int, added: int) -> Refusal:
    """The refusal of something that would make a workspace keep more than it may."""
    quota = QUOTAS[kind]
    limit = quota.limit(settings)
    amount = f" and this adds {readable(added, quota.unit)}" if added > 1 or quota.unit != "bytes" else ""
    sentence = (
        f"This workspace may keep {readable(limit, quota.unit)} of {quota.what}; it keeps {readable(used, quota.unit)}{amount}. "
        f"{quota.remedy} The operator of this server can raise {quota.variable}."
    ).replace("records of records", "records")
    details = {"quota": {"kind": kind, "limit": limit, "used": used, "setting": quota.variable}, "fix": "cargo-ai workspace usage"}
    return Refusal(STATUS, REASON, sentence, details)


def readable(amount: int, unit: Unit) -> str:
    """An amount for a sentence: `1.5 GB`, `2,000 records`."""
    return readable_size(amount) if unit == "bytes" else f"{amount:,} {unit}"


def readable_size(size: int) -> str:
    """Bytes in the largest unit that they fill."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
