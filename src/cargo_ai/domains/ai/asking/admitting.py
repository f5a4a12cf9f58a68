"""Admit steps: check the workspace's credits and the agent's daily limit, many steps in one decision."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.agents.daily_limit import LimitReached
from cargo_ai.domains.ai.asking import charging
from cargo_ai.domains.ai.asking.charging import NoCreditsLeft
from cargo_ai.domains.ai.asking.groups import Groups
from cargo_ai.domains.connection import public as connection
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

PAUSE = 0.25
"""Seconds until a step asks again that does not fit beside others."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A step that wants to be asked for. limited: what it may take at most, of an agent that has a limit for a day."""

    workspace: uuid.UUID
    service: connection.LanguageModelService
    limited: daily_limit.Wanted | None


_Decision = bool | LimitReached | NoCreditsLeft


class Admitting:
    """Admits the steps of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._groups = Groups[Asking, _Decision]("steps that are to be asked for", self._decide)
        database.before_close(self._groups.end)

    async def admit(self, asking: Asking) -> None:
        """Return when the step may be asked for; what it may take is reserved then. LimitReached, NoCreditsLeft where nothing is left."""
        if asking.limited is None and not asking.service.costs:
            return
        while (decision := await self._groups.add(asking)) is not True:
            if isinstance(decision, Exception):
                raise decision
            # Others give back in transactions of theirs.
            await asyncio.sleep(PAUSE)

    async def _decide(self, group: Sequence[Asking]) -> Sequence[_Decision]:
        async with self._database.session(ALL_WORKSPACES) as db:
            driver = await driver_connection(db)
            paying = {asking.workspace for asking in group if asking.service.costs}
            empty = {workspace for workspace in sorted(paying) if not await charging.may_spend(driver, workspace)}
            decisions: dict[int, _Decision] = {
                at: NoCreditsLeft(asking.service.name)
                for at, asking in enumerate(group)
                if asking.service.costs and asking.workspace in empty
            }
            limited = [(at, asking.limited) for at, asking in enumerate(group) if asking.limited is not None and at not in decisions]
            if limited:
                reserved = await daily_limit.reserve(driver, [wanted for _, wanted in limited])
                decisions |= {at: decision for (at, _), decision in zip(limited, reserved, strict=True)}
                await db.commit()
        return [decisions.get(at, True) for at in range(len(group))]
