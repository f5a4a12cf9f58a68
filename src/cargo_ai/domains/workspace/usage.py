"""Usage: show each quota of a workspace, how much of it is used, and by what."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace import workspace as contract
from cargo_ai.engine.dispatch import concurrency
from cargo_ai.kernel.wire import Nothing
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.quotas import QUOTAS, QuotaKind
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import BinItem

MAX_PARTS = 5
_SUBJECTS = {
    "uploads": "uploaded files",
    "upload_parts": "uploads in parts that are not complete",
    "ingest_reports": "ingest reports",
    "archive": "archived runs",
    "outputs": "outputs of nodes above 64 KB",
    "records": "records above 64 KB of single runs",
    "batches": "records that batches were created with",
}
_FIXES = {"archive": "cargo-ai orchestration archive list"}


@handles(contract.get_usage)
async def get_usage(ctx: Context, request: Nothing) -> contract.UsageReply:
    """Every quota. O(models + changes that are not yet added up): no record or file is looked at."""
    connection = await driver_connection(ctx.db)
    counted: dict[str, list[tuple[str, int]]] = {}
    for kind, subject, used in await quotas.by_subject(connection, ctx.workspace):
        counted.setdefault(kind, []).append((subject, used))
    models = await _model_parts(ctx) if counted.get("records") else dict[str, tuple[str, str]]()
    active = await concurrency.count_active_runs(connection, ctx.workspace)
    return contract.UsageReply(
        quotas=[
            *(_counted(ctx, kind, counted.get(kind, []), models) for kind in QUOTAS),
            _quota(
                "runs",
                "runs",
                active,
                ctx.settings.max_concurrent_runs,
                "Runs above it wait for their turn; cancel those that need not go on (`cargo-ai orchestration run cancel`).",
                "CARGO_AI_MAX_CONCURRENT_RUNS",
            ),
            _quota(
                "uploads",
                "uploads",
                None,
                ctx.settings.max_uploads_at_once,
                "Send fewer files at the same time.",
                "CARGO_AI_MAX_UPLOADS_AT_ONCE",
            ),
            _quota(
                "uploadBytes",
                "bytes",
                None,
                ctx.settings.max_upload_bytes,
                "Divide a larger file into several.",
                "CARGO_AI_MAX_UPLOAD_BYTES",
            ),
        ]
    )


async def _model_parts(ctx: Context) -> Mapping[str, tuple[str, str]]:
    """The name and the command of each model, by its uuid; also of those in the bin."""
    binned = await ctx.db.execute(select(BinItem.uuid, BinItem.name).where(BinItem.kind == "model"))
    parts = {str(uid): (f"{name} (in the bin)", "cargo-ai workspace bin list") for uid, name in binned}
    if ctx.services.hooks.catalog is None:
        return parts
    known = await ctx.services.hooks.catalog(ctx.db, ctx.workspace)
    of = {
        str(relation.model): (f"{relation.dataset}.{relation.slug}", f"cargo-ai storage model get {relation.model}")
        for relation in known.relations
    }
    return parts | of


def _counted(ctx: Context, kind: QuotaKind, subjects: list[tuple[str, int]], models: Mapping[str, tuple[str, str]]) -> contract.Quota:
    quota = QUOTAS[kind]
    largest = [
        contract.QuotaPart(
            name=models[subject][0] if subject in models else _SUBJECTS.get(subject, subject),
            uuid=subject if kind == "records" else None,
            used=used,
            fix=models[subject][1] if subject in models else _FIXES.get(subject),
        )
        for subject, used in subjects[:MAX_PARTS]
    ]
    used = sum(amount for _, amount in subjects)
    return _quota(kind, quota.unit, used, quota.limit(ctx.settings), quota.remedy, quota.variable, largest)


def _quota(
    kind: contract.QuotaKind,
    unit: contract.QuotaUnit,
    used: int | None,
    limit: int,
    remedy: str,
    setting: str,
    largest: list[contract.QuotaPart] | None = None,
) -> contract.Quota:
    remaining = max(0, limit - used) if limit and used is not None else None
    return contract.Quota(
        kind=kind,
        unit=unit,
        used=used,
        limit=limit or None,
        remaining=remaining,
        largest=largest or [],
        remedy=remedy,
        setting=setting,
    )


async def fold(database: Database) -> None:
    """Add up what all workspaces have changed since the last time."""
    async with database.session(ALL_WORKSPACES) as db:
        await quotas.fold_all(await driver_connection(db))
        await db.commit()
