"""Plugins: how a room gives the engine its actions with effects and its sources of records, without the engine knowing the room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from cargo_ai.engine.action import Actions
from cargo_ai.engine.enumerate import Sources
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """What a plugin may use, and the registers (`actions`, `sources`) that it adds to."""

    settings: Settings
    database: Database
    files: FileStore
    secrets: SecretKey
    client: httpx.AsyncClient
    actions: Actions
    sources: Sources


Plugin = Callable[[Parts], None]
plugins: list[Plugin] = []


def plugin(function: Plugin) -> Plugin:
    """Mark a room's function that adds to a worker's registers."""
    plugins.append(function)
    return function
