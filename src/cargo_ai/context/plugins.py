"""Plugins: how a room gives the engine its actions with effects and its sources of records, without the engine knowing the room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Task
from cargo_ai.engine.dispatch.schedule import Fire
from cargo_ai.engine.graph.action import Actions, Category
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """What a plugin may use, and the registers that it adds to; `tasks`: the jobs of the queue that the room carries out, by name;
    `hourly`: what a worker does about once an hour (several may do it at once); `schedules`: what starts that which is due, by kind;
    `beside`: what runs beside the queue until it is cancelled."""

    settings: Settings
    database: Database
    files: FileStore
    secrets: SecretKey
    client: httpx.AsyncClient
    actions: Actions
    sources: Sources
    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    hourly: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    schedules: dict[str, Fire] = field(default_factory=dict[str, Fire])
    beside: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list[Callable[[], Coroutine[Any, Any, None]]])


Plugin = Callable[[Parts], None]
plugins: list[Plugin] = []


def plugin(function: Plugin) -> Plugin:
    """Mark a room's function that adds to a worker's registers."""
    plugins.append(function)
    return function


Check = Callable[[Mapping[str, Any]], str | None]


def _no_fault(_config: Mapping[str, Any]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class NativeEffect:
    """What is told about a native action with effects (`native:<slug>`) before any worker carries it out."""

    slug: str
    name: str
    description: str
    category: Category
    icon: str
    config_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    children_count: int = 1
    also_children: tuple[int, ...] = ()
    """Other numbers of children that are right, too."""
    check: Check = _no_fault
    """A sentence that says what is wrong with a config before any run, or None."""


@dataclass(frozen=True, slots=True)
class NativeExtractor:
    """What is told about a native extractor: a way for a model of the workspace's own dataset to get its records."""

    slug: str
    name: str
    description: str
    category: str
    icon: str
    config_schema: dict[str, Any]
    mode: dict[str, Any] = field(default_factory=dict[str, Any])
    kind: Literal["file", "query", "record"] = "record"
    preview: Literal["none", "records", "count"] = "none"


native_effects: dict[str, NativeEffect] = {}
native_extractors: dict[str, NativeExtractor] = {}
"""Filled by the rooms when they are imported."""
