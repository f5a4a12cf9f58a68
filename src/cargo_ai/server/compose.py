"""Compose: what API and worker processes have in common: the key, the files, the actions, the sources of records."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from cargo_ai import domains
from cargo_ai.actions import native_actions
from cargo_ai.context.plugins import Parts, plugins
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Task
from cargo_ai.engine.dispatch.schedule import Fire
from cargo_ai.engine.graph.action import Actions
from cargo_ai.kernel import secrets
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database


class KeyMissing(ValueError):
    """An external database needs a key that all machines share."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What a worker works with."""

    actions: Actions
    sources: Sources
    tasks: Mapping[str, Task]
    hourly: Sequence[Callable[[], Awaitable[None]]]
    schedules: Mapping[str, Fire]
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]]


def secret_key(settings: Settings) -> SecretKey:
    """The installation's key: from the environment, else (with the embedded database) from a file in the data folder."""
    text = settings.secret_key
    if text:
        return secrets.key_from_text(text)
    if settings.database_url:
        raise KeyMissing(
            "With CARGO_AI_DATABASE_URL, set CARGO_AI_SECRET_KEY too: `openssl rand -base64 32` makes one. Every machine needs the same."
        )
    return secrets.key_from_file(settings.data_dir / "secret.key")


def load_domains() -> None:
    """Import every room, so that its handlers, plugins and rows are known."""
    for module in pkgutil.walk_packages(domains.__path__, f"{domains.__name__}."):
        importlib.import_module(module.name)


def compose(settings: Settings, database: Database, files: FileStore, key: SecretKey, client: httpx.AsyncClient) -> Composed:
    """All actions and sources that the rooms bring."""
    load_domains()
    actions, sources = Actions(), Sources()
    for action in native_actions():
        actions.add(action)
    parts = Parts(settings, database, files, key, client, actions, sources)
    for plug in plugins:
        plug(parts)
    return Composed(actions, sources, parts.tasks, parts.hourly, parts.schedules, parts.beside)
