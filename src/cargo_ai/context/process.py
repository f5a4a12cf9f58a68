"""The services of one process: opened once when it starts, used by handlers, actions and jobs."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.extractors import NativeExtractor
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.context.search_kinds import SearchKind
from cargo_ai.context.write_backs import WriteBack
from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.records.catalog import Catalog
from cargo_ai.records.filter.terms import FilterContext
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database

T = TypeVar("T")
TokenBounds = Mapping[str, Callable[[Mapping[str, Any]], int]]
"""By the uuid of a node: (config) → tokens."""


class HookTarget(Protocol):
    """What is sent the events of a webhook connector."""

    async def take(self, db: AsyncSession, kind: str, record: Mapping[str, Any]) -> None:
        """Begin what an event of this kind begins; the record is what a run would get."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What domains do for those below them, which must not import them.

    workspace_created: adds the rows that each new workspace begins with, in the transaction that creates it.
    filter_scope: what a filter may name besides columns of models, such as saved segments.
    catalog: the models of a workspace, which are what SQL of its users may read.
    bin_kinds: what becomes of removed things of each kind.
    search_kinds: how things of each kind are found by name or uuid.
    files_in_use: which of these keys of uploaded files something still reads; in a session of all workspaces.
    token_bounds: of nodes that ask language models, by uuid, how many tokens an execution with this config takes at most; without those
        that nothing bounds. A config that is not known is empty.
    known_agents: which of these agents are in the workspace.
    hook_targets: what takes the events of a webhook connector besides tools, in the transaction that notes them.
    written_back: remembers what runs have written to services, in a transaction of its own.
    """

    workspace_created: tuple[Callable[[AsyncSession, uuid.UUID], Awaitable[None]], ...] = ()
    filter_scope: Callable[[AsyncSession, Catalog, Filter], Awaitable[FilterContext]] | None = None
    catalog: Callable[[AsyncSession, uuid.UUID], Awaitable[Catalog]] | None = None
    bin_kinds: tuple[BinKind, ...] = ()
    search_kinds: tuple[SearchKind, ...] = ()
    files_in_use: tuple[Callable[[AsyncSession, Collection[str]], Awaitable[set[str]]], ...] = ()
    token_bounds: Callable[[AsyncSession, Sequence[Mapping[str, Any]]], Awaitable[TokenBounds]] | None = None
    known_agents: Callable[[AsyncSession, Collection[uuid.UUID]], Awaitable[set[uuid.UUID]]] | None = None
    hook_targets: tuple[Callable[[AsyncSession, uuid.UUID], Awaitable[Sequence[HookTarget]]], ...] = ()
    written_back: tuple[Callable[[Database, Sequence[WriteBack]], Awaitable[None]], ...] = ()


@dataclass(slots=True)
class Services:
    """What a process has open. `client` reaches only addresses that workflows may reach. `extractors`: the native ones.
    `actions`: every action, ready to execute."""

    settings: Settings
    database: Database
    files: FileStore
    secrets: SecretKey
    client: HttpClient
    hooks: Hooks = field(default_factory=Hooks)
    extractors: Sequence[NativeExtractor] = ()
    actions: Actions = field(default_factory=Actions)
    _made: dict[type, Any] = field(default_factory=dict[type, Any])

    def once(self, kind: type[T], make: Callable[[], T]) -> T:
        """The process's only object of this class, made when it is first asked for."""
        if kind not in self._made:
            self._made[kind] = make()
        return cast("T", self._made[kind])
