"""Retention rules: how long each workspace keeps runs and outputs of nodes, by its own settings or the server's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import retention as contract
from cargo_ai.engine.retention.kept import Cutoffs
from cargo_ai.engine.retention.tables import retention_rules
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.wire import Nothing

DAY_MS = 86_400_000
_FIELDS = {"bodies_days": "bodiesDays", "runs_days": "runsDays", "is_archiving": "isArchiving", "archive_days": "archiveDays"}


@dataclass(frozen=True, slots=True)
class Rules:
    """How many days the outputs of nodes, runs and the archive are kept, 0: forever; and whether the first are archived before they go."""

    bodies_days: int
    runs_days: int
    is_archiving: bool
    archive_days: int

    def over(self, own: RowMapping) -> Rules:
        """The same, but for what a workspace says itself."""
        return replace(self, **{name: own[name] for name in _FIELDS if own[name] is not None})

    @property
    def bodies_days_kept(self) -> int:
        """The outputs of nodes go with their run at the latest, whatever the settings say."""
        return min(self.bodies_days or self.runs_days, self.runs_days or self.bodies_days)


def of_settings(settings: Settings) -> Rules:
    """Those of workspaces that say nothing themselves."""
    return Rules(settings.keep_bodies_days, settings.keep_runs_days, settings.archive_runs, settings.keep_archive_days)


@dataclass(frozen=True, slots=True)
class AllRules:
    """The rules of all workspaces. `others`: of those that say something themselves."""

    usual: Rules
    others: Mapping[uuid.UUID, Rules]

    def of(self, workspace: uuid.UUID) -> Rules:
        """Those of a workspace."""
        return self.others.get(workspace, self.usual)

    def bodies(self, now_ms: int) -> Cutoffs:
        """What is old enough for its bodies to go."""
        others = {workspace: _cutoff(rules.bodies_days_kept, now_ms) for workspace, rules in self.others.items()}
        return Cutoffs(_cutoff(self.usual.bodies_days_kept, now_ms), others)

    def runs(self, now_ms: int) -> Cutoffs:
        """What is old enough to be removed."""
        others = {workspace: _cutoff(rules.runs_days, now_ms) for workspace, rules in self.others.items()}
        return Cutoffs(_cutoff(self.usual.runs_days, now_ms), others)

    def archive(self, now_ms: int) -> Cutoffs:
        """What is old enough to be removed from the archive."""
        others = {workspace: _cutoff(rules.archive_days, now_ms) for workspace, rules in self.others.items()}
        return Cutoffs(_cutoff(self.usual.archive_days, now_ms), others)


def _cutoff(days: int, now_ms: int) -> int:
    return max(0, now_ms - days * DAY_MS) if days else 0


async def of_all(db: AsyncSession, settings: Settings) -> AllRules:
    """The rules of all workspaces; in a session of all of them."""
    usual = of_settings(settings)
    rows = (await db.execute(select(retention_rules))).mappings()
    return AllRules(usual, {row["workspace_uuid"]: usual.over(row) for row in rows})


@handles(contract.get)
async def get(ctx: Context, request: Nothing) -> contract.RetentionReply:
    """The rules, and which of them are the workspace's own."""
    return await _reply(ctx)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateRetention) -> contract.RetentionReply:
    """Change what is given."""
    given = {name: getattr(request, name) for name in request.model_fields_set & set(_FIELDS)}
    if given:
        statement = insert(retention_rules).values(workspace_uuid=ctx.workspace, **given)
        changed = given | {"updated_at": func.now()}
        await ctx.db.execute(statement.on_conflict_do_update(index_elements=["workspace_uuid"], set_=changed))
    row = await _own(ctx.db, ctx.workspace)
    rules = of_settings(ctx.settings) if row is None else of_settings(ctx.settings).over(row)
    # What it did not say itself goes along with what it did.
    if row and row["bodies_days"] is not None and rules.runs_days and not 0 < rules.bodies_days <= rules.runs_days:
        contract.update.refuse("bodiesOutliveRuns", bodies=_days(rules.bodies_days), runs=_days(rules.runs_days))
    says = row is not None and (row["bodies_days"] is not None or row["archive_days"] is not None)
    if says and 0 < rules.archive_days <= rules.bodies_days_kept:
        contract.update.refuse("archiveTooShort", bodies=_days(rules.bodies_days_kept), archive=_days(rules.archive_days))
    return await _reply(ctx)


def _days(days: int) -> str:
    return f"{days:,} days" if days else "forever"


async def _own(db: AsyncSession, workspace: uuid.UUID) -> RowMapping | None:
    return (await db.execute(select(retention_rules).where(retention_rules.c.workspace_uuid == workspace))).mappings().one_or_none()


async def _reply(ctx: Context) -> contract.RetentionReply:
    row = await _own(ctx.db, ctx.workspace)
    usual = of_settings(ctx.settings)
    rules = usual if row is None else usual.over(row)
    own = [] if row is None else [wire for name, wire in _FIELDS.items() if row[name] is not None]
    shown = {"bodies_days": rules.bodies_days_kept, "runs_days": rules.runs_days, "is_archiving": rules.is_archiving}
    shown |= {"archive_days": rules.archive_days, "own": own}
    return contract.RetentionReply(retention=contract.RetentionRules.model_validate(shown))
