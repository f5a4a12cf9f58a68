"""The bin: keep removed things for some days, restore them, and remove them forever; each domain says how for its own kinds."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cargo_ai.context.removal import usages
from cargo_ai.contract.workspace import bin as contract
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.tables import BinItem, Reference

if TYPE_CHECKING:
    from cargo_ai.context.context import Context

TASK = "removeForever"
LARGE = 10_000
"""What has more records than this is removed forever by a job."""
MAX_WARNINGS = 10
NOT_FOUND = {f"{kind}NotFound" for kind in ("model", "play", "tool", "segment", "connector")}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Columns = tuple[InstrumentedAttribute[uuid.UUID], InstrumentedAttribute[str], InstrumentedAttribute[datetime | None]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a person hears about a thing before it is removed: its name, and what goes with it (`1,200 records`; empty: nothing)."""

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BinKind:
    """What a domain does with removed things of one kind. All of it runs in the caller's transaction and in a session of the workspace.

    permission: who may remove, and therefore restore. columns: uuid, name and time of removal. contents: of a living thing; None for one
    that is not there. restore: makes the thing what it was, under another slug if one is given; refuses by `contract.restore`. destroy:
    removes forever what a removal has kept. is_large: whether that takes longer than a request should.
    """

    kind: contract.BinKind
    permission: str
    columns: Columns
    contents: Callable[[AsyncSession, uuid.UUID], Awaitable[Contents | None]]
    restore: Callable[[Context, BinItem, str | None], Awaitable[None]]
    destroy: Callable[[AsyncSession, BinItem], Awaitable[None]]
    is_large: Callable[[AsyncSession, BinItem], Awaitable[bool]] | None = None

    async def living(self, db: AsyncSession, things: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Which of these things are there."""
        uid, _, removed_at = self.columns
        return set(await db.scalars(select(uid).where(uid.in_(things), removed_at.is_(None))))


def named_contents(columns: Columns, text: str) -> Callable[[AsyncSession, uuid.UUID], Awaitable[Contents | None]]:
    """The contents of things of which always the same goes with them."""
    uid, name, removed_at = columns

    async def contents(db: AsyncSession, thing: uuid.UUID) -> Contents | None:
        called = await db.scalar(select(name).where(uid == thing, removed_at.is_(None)))
        return None if called is None else Contents(called, text)

    return contents


def command(item: uuid.UUID) -> str:
    """The command that restores a thing."""
    return f"cargo-ai workspace bin restore {item}"


def keep_time(settings: Settings) -> timedelta:
    """How long removed things are kept: a hundred years at most."""
    return timedelta(days=min(settings.keep_removed_days, 36_525))


def restore_until(settings: Settings, removed_at: datetime) -> datetime:
    """Until when something that was removed then can be restored."""
    return removed_at + keep_time(settings)


async def put(
    ctx: Context,
    kind: BinKind,
    removed: uuid.UUID,
    name: str,
    *,
    slug: str | None = None,
    records_count: int | None = None,
    kept: Mapping[str, Any] | None = None,
) -> contract.RemovedToBin:
    """Put a thing into the bin that its domain has just hidden, and forget what it uses; with 0 days it is removed forever at once."""
    uses = await db_uses(ctx.db, kind.kind, removed)
    await usages.replace(ctx.db, ctx.workspace, kind.kind, removed, ())
    item = BinItem(
        uuid=removed,
        workspace_uuid=ctx.workspace,
        kind=kind.kind,
        name=name,
        slug=slug,
        records_count=records_count,
        user_uuid=ctx.who.user_uuid,
        token_uuid=ctx.who.token_uuid,
        removed_at=clock.now(),
        is_due=False,
        uses=uses,
        kept=dict(kept or {}),
    )
    if not ctx.settings.keep_removed_days:
        await ctx.db.flush()
        if not await destroy(ctx, kind, item):
            ctx.db.add(item)
            await ctx.db.flush()
        return contract.RemovedToBin(uuid=str(removed))
    ctx.db.add(item)
    await ctx.db.flush()
    until = restore_until(ctx.settings, item.removed_at)
    return contract.RemovedToBin(uuid=str(removed), restore_until=until, restore=command(removed))


async def destroy(ctx: Context, kind: BinKind, item: BinItem) -> bool:
    """Remove forever what a removal has kept; where that is much, a job does it, and the item stays until then: False."""
    if kind.is_large is None or not await kind.is_large(ctx.db, item):
        await kind.destroy(ctx.db, item)
        return True
    item.is_due = True
    await start_job(ctx)
    ctx.warn(
        f'The {item.kind} "{item.name}" is large: what it has is removed in the background, after which `cargo-ai workspace usage` is less.'
    )
    return False


async def start_job(ctx: Context) -> None:
    """Have a worker remove forever what is due."""
    await producer().defer(await driver_connection(ctx.db), TASK, "batch")


async def db_uses(db: AsyncSession, kind: str, owner: uuid.UUID) -> list[list[str]]:
    """What a thing uses, as it is kept in the bin: `[kind, uuid]`."""
    query = select(Reference.to_kind, Reference.to_uuid).where(Reference.from_kind == kind, Reference.from_uuid == owner)
    return [[to_kind, str(target)] for to_kind, target in await db.execute(query)]


async def find(db: AsyncSession, item: uuid.UUID | None, *, lock: bool = False) -> BinItem | None:
    """A thing in the bin of the session's workspace that can be restored."""
    query = select(BinItem).where(BinItem.uuid == item, ~BinItem.is_due)
    return await db.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


async def refuse_without(ctx: Context, item: BinItem, kind: contract.BinKind, needed: uuid.UUID, relation: str) -> None:
    """Refuse a restore for want of another thing: `The segment "Hot" is of the model "Companies", which is in the bin: …`."""
    start = f'The {item.kind} "{item.name}" {relation}'
    other = await find(ctx.db, needed)
    if other is None:
        contract.restore.refuse("neededIsRemoved", problem=f"{start} a {kind} that was removed forever: it cannot be restored.")
    problem = f'{start} the {kind} "{other.name}", which is in the bin: restore that first ({command(other.uuid)}).'
    contract.restore.refuse("neededIsRemoved", problem=problem, fix=command(other.uuid))


async def warn_of_missing(ctx: Context, item: BinItem, kinds: Mapping[str, BinKind]) -> None:
    """Warn of everything that a restored thing uses and that is not there any more."""
    sentences: list[str] = []
    for kind, described in kinds.items():
        used = {uid for used_kind, text in item.uses if used_kind == kind and (uid := ids.parse(text)) is not None}
        for missing in sorted(used - await described.living(ctx.db, used) - {item.uuid}) if used else ():
            other = await find(ctx.db, missing)
            if other is None:
                sentences.append(f'The {item.kind} "{item.name}" uses the {kind} {missing}, which was removed forever.')
            else:
                problem = f'uses the {kind} "{other.name}", which is in the bin'
                sentences.append(f'The {item.kind} "{item.name}" {problem}: {command(missing)}')
    for sentence in sentences[:MAX_WARNINGS]:
        ctx.warn(sentence)
    if len(sentences) > MAX_WARNINGS:
        ctx.warn(f"And {len(sentences) - MAX_WARNINGS} more things that it uses were removed.")


async def name_command(ctx: Context, refusal: Refusal) -> None:
    """Where a thing is said not to be there that is in the bin, let the sentence name the command that restores it."""
    if refusal.status != 404 or refusal.reason not in NOT_FOUND:
        return
    kind = refusal.reason.removesuffix("NotFound")
    uuids = [uuid.UUID(text) for text in _UUID.findall(refusal.message)]
    item = await ctx.db.scalar(select(BinItem).where(BinItem.uuid.in_(uuids), BinItem.kind == kind, ~BinItem.is_due)) if uuids else None
    if item is not None:
        refusal.message = f'{refusal.message} "{item.name}" is in the bin: {command(item.uuid)} restores it.'
