"""The context of a request: caller, workspace, transaction, and what else a handler may use."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission rule: `actions` such as `orchestration:workflow:write` or `storage:*`; deny wins over allow."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user through a token, in the token's workspace. `rules` holds one set per layer (role, user, token): each must allow."""

    user_uuid: uuid.UUID
    token_uuid: uuid.UUID
    workspace_uuid: uuid.UUID
    role_slug: str
    rules: tuple[tuple[Rule, ...], ...]
    token_ends: datetime | None = None
    """When the token expires or is removed, where that is set already."""

    @property
    def has_resource_rules(self) -> bool:
        """Whether any rule is about certain things only."""
        return any(rule.resources is not None for layer in self.rules for rule in layer)

    def may(self, action: str, resources: Collection[str] = ()) -> bool:
        """Whether every layer allows the action and none denies it.

        `resources`: the uuids of the things that a request names. A rule about certain things denies what names one of them, and
        allows what names nothing else.
        """
        return all(_allows(layer, action, resources) for layer in self.rules)


def _covers(pattern: str, action: str, *, write_implies_read: bool) -> bool:
    if pattern in {"*", action}:
        return True
    # `storage:*` covers `storage:read`, `storage:model:write`; `storage:write` covers `storage:model:write`. Who may write may
    # read, but to whom writing is denied reading is not.
    head, _, level = pattern.rpartition(":")
    room, _, wanted_level = action.rpartition(":")
    if not (room == head or room.startswith(f"{head}:")):
        return False
    return level in {"*", wanted_level} or (write_implies_read and level == "write" and wanted_level == "read")


def _allows(layer: tuple[Rule, ...], action: str, resources: Collection[str]) -> bool:
    allowed: set[str] = set()
    everywhere = False
    for rule in layer:
        if not any(_covers(pattern, action, write_implies_read=rule.effect == "allow") for pattern in rule.actions):
            continue
        if rule.effect == "deny":
            if rule.resources is None or not set(rule.resources).isdisjoint(resources):
                return False
        elif rule.resources is None:
            everywhere = True
        else:
            allowed.update(rule.resources)
    return everywhere or (bool(resources) and allowed.issuperset(resources))


@dataclass(slots=True)
class Context:
    """What one request may use. The transaction of `db` is committed by dispatch, never by a handler. `prepared`: what the handler's
    `before` returned."""

    who: Caller
    db: AsyncSession
    services: Services
    base_url: str
    request_id: str
    prepared: object = None
    warnings: list[str] = field(default_factory=list[str])
    after_commit: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    begun: list[str] = field(default_factory=list[str])
    """The uuids of what begins with this request's commit, whose end is notified (see `Waits`)."""

    @property
    def database(self) -> Database:
        """The database, for sessions beside the request's own."""
        return self.services.database

    @property
    def files(self) -> FileStore:
        """The server's files."""
        return self.services.files

    @property
    def secrets(self) -> SecretKey:
        """The installation's key."""
        return self.services.secrets

    @property
    def settings(self) -> Settings:
        """The server's settings."""
        return self.services.settings

    @property
    def actions(self) -> Actions:
        """Everything that nodes can do on this server."""
        return self.services.actions

    async def all_actions(self) -> Actions:
        """The same, and what only this workspace has."""
        return await self.services.actions.within(self.workspace)

    @property
    def workspace(self) -> uuid.UUID:
        """The workspace that everything of this request belongs to."""
        return self.who.workspace_uuid

    def warn(self, sentence: str) -> None:
        """Tell the caller something that is not an error (header `x-cargo-warnings`)."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
