"""Compose: collect what the domains add to the server, and bind it to what a process has open."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any

from cargo_ai import domains
from cargo_ai.actions import native_actions
from cargo_ai.context import events, handlers
from cargo_ai.context.downloads import exports
from cargo_ai.context.handlers import Handler
from cargo_ai.context.package import Package
from cargo_ai.context.prices import priced
from cargo_ai.context.process import Hooks, Services
from cargo_ai.engine.dispatch.credits import EstimateRun, free
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Task
from cargo_ai.engine.dispatch.timers.schedule import Fire
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.expression import evaluator
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database


@dataclass(frozen=True, slots=True)
class Composition:
    """What a worker process carries out."""

    actions: Actions
    sources: Sources
    run_costs: EstimateRun
    jobs: Mapping[str, Task]
    schedules: Mapping[str, Fire]
    chores: Mapping[str, Callable[[], Awaitable[None]]]
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]]


@cache
def packages() -> tuple[Package, ...]:
    """The PACKAGE of every domain, by name. Their downloads and subscribers are registered, which are the process's own."""
    modules = pkgutil.iter_modules(domains.__path__, f"{domains.__name__}.")
    collected: list[Package] = [importlib.import_module(f"{module.name}.package").PACKAGE for module in modules]
    for package in collected:
        for kind, producer in package.downloads.items():
            exports.register(kind, producer)
        for event, subscriber in package.subscribers:
            events.subscribe(event, subscriber)
    return tuple(collected)


def walk(package: str) -> Iterator[ModuleType]:
    """Import a package and every module below it, in the order of their names. Errors pass through."""
    top = importlib.import_module(package)
    yield top
    for module in pkgutil.walk_packages(top.__path__, f"{package}."):
        yield importlib.import_module(module.name)


@cache
def operation_handlers() -> Mapping[str, Handler]:
    """The function that answers each operation. Two for one operation are a bug (ValueError)."""
    modules = [module for package in packages() for module in walk(package.module)]
    # It asks operations of all domains, so that it is of none.
    return handlers.collect([*modules, importlib.import_module("cargo_ai.server.initialisation")])


@cache
def hooks() -> Hooks:
    """What domains do for those below them. Two of those that there can only be one of are a bug (ValueError)."""
    given = [package.hooks for package in packages()]
    scopes = [hook for one in given if (hook := one.filter_scope) is not None]
    catalogs = [hook for one in given if (hook := one.catalog) is not None]
    bounds = [hook for one in given if (hook := one.token_bounds) is not None]
    agents = [hook for one in given if (hook := one.known_agents) is not None]
    if max(len(scopes), len(catalogs), len(bounds), len(agents)) > 1:
        raise ValueError("two domains give the same hook")
    return Hooks(
        workspace_created=tuple(hook for one in given for hook in one.workspace_created),
        filter_scope=next(iter(scopes), None),
        catalog=next(iter(catalogs), None),
        bin_kinds=tuple(kind for one in given for kind in one.bin_kinds),
        search_kinds=tuple(kind for one in given for kind in one.search_kinds),
        files_in_use=tuple(hook for one in given for hook in one.files_in_use),
        token_bounds=next(iter(bounds), None),
        known_agents=next(iter(agents), None),
        hook_targets=tuple(hook for one in given for hook in one.hook_targets),
        written_back=tuple(hook for one in given for hook in one.written_back),
    )


def services_of(settings: Settings, database: Database, files: FileStore, key: SecretKey, client: HttpClient) -> Services:
    """The services of a process that has these open, with every action bound to them."""
    services = Services(settings, database, files, key, client, hooks(), [one for package in packages() for one in package.extractors])
    for action in native_actions():
        services.actions.add(priced(settings, action))
    for package in packages():
        for action in package.actions:
            services.actions.add(priced(settings, action.bind(services)))
        if package.tools is not None:
            services.actions.tools = package.tools(services)
        if package.load_actions is not None:
            services.actions.load = package.load_actions(services)
        if package.instruct is not None:
            evaluator.instruct_with(package.instruct(services))
        if package.own_actions is not None:
            services.actions.find_own = package.own_actions(services)
    # Also those of integrations that are not loaded yet, which declare none of their own.
    services.actions.any_costs = services.actions.any_costs or any(settings.action_costs.values())
    return services


def compose(services: Services) -> Composition:
    """What the domains add to a worker."""
    parts = packages()
    return Composition(
        actions=services.actions,
        run_costs=next((package.run_costs(services) for package in parts if package.run_costs is not None), free),
        sources=Sources({kind: make(services) for package in parts for kind, make in package.sources.items()}),
        jobs={name: make(services) for package in parts for name, make in package.jobs.items()},
        schedules={kind: make(services) for package in parts for kind, make in package.schedules.items()},
        chores={name: partial(chore, services) for package in parts for name, chore in package.chores.items()},
        background=[partial(start, services) for package in parts for start in package.background],
    )
