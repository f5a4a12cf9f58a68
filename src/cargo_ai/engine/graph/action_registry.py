"""Action registry: every action that a process knows, by kind and slug, those of integrations from when a node first names one."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from cargo_ai.engine.graph.action import Action, Call
from cargo_ai.engine.graph.tool_graph import FindTool

Json = Any
LoadActions = Callable[[str], Iterable[Action[Call]]]
"""The actions of an integration of this server, by its slug; none where there is no such integration."""
FindOwn = Callable[[uuid.UUID], Awaitable[Sequence[Action[Call]]]]
"""The actions that only this workspace has."""


ANY = "*"
"""The slug of an action that stands for all of its kind that are not declared: the actions of services that are not installed."""

TOOL: Action[Call] = Action(
    slug="tool",
    kind="tool",
    name="Tool",
    description="Runs the workflow of a tool.",
    does="runs children",
    config_schema={"type": "object"},
)


def _no_actions(_integration: str) -> Iterable[Action[Call]]:
    return ()


class Actions:
    """Every action that a process knows, by kind and slug. `tools`: what tool nodes run; None where there are no tools.
    `load`: the actions of an integration, asked for when a node first names it."""

    def __init__(self, actions: Iterable[Action[Call]] = (), tools: FindTool | None = None) -> None:
        self._actions: MutableMapping[tuple[str, str, str], Action[Call]] = {}
        self.tools = tools
        self.any_costs = False
        """Whether any of them costs credits, those of integrations included, which are priced by the operator only."""
        self.load: LoadActions = _no_actions
        self.find_own: FindOwn | None = None
        for action in actions:
            self.add(action)

    def add(self, action: Action[Call]) -> None:
        """Register an action; a second one under the same slugs is a bug (ValueError)."""
        key = (action.kind, action.integration, action.slug)
        if key in self._actions:
            raise ValueError(f"action declared twice: {' '.join(filter(None, key))}")
        self._actions[key] = action
        self.any_costs = self.any_costs or bool(action.costs)

    def _learn(self, integration: str) -> Iterable[Action[Call]]:
        """Add the actions of an integration of this server; gives none, for `within`, which sees what was added."""
        for action in self.load(integration):
            self._actions.setdefault((action.kind, action.integration, action.slug), action)
        return ()

    async def within(self, workspace: uuid.UUID) -> Actions:
        """Those that nodes of a workspace can have: these, and what only this workspace has."""
        own = () if self.find_own is None else await self.find_own(workspace)
        if not own:
            return self
        within = Actions(own, self.tools)
        within.load = self._learn
        for integration in {action.integration for action in own}:
            # What this server has comes before what a workspace has under the same slug.
            self._learn(integration)
        within._actions = ChainMap({}, self._actions, within._actions)
        within.any_costs = within.any_costs or self.any_costs
        return within

    def native(self, slug: str) -> Action[Call] | None:
        """A native action, None when it is unknown."""
        return self._actions.get(("native", "", slug))

    def connector(self, integration: str, slug: str) -> Action[Call] | None:
        """An action of an integration, None when either is unknown."""
        key = ("connector", integration, slug)
        if key not in self._actions:
            self._learn(integration)
        return self._actions.get(key)

    def find(self, node: Mapping[str, Json]) -> Action[Call] | None:
        """The action that a node names, None when it is unknown."""
        match node.get("kind"):
            case "native":
                return self.native(str(node.get("actionSlug")))
            case "connector":
                return self.connector(str(node.get("integrationSlug")), str(node.get("actionSlug")))
            case "tool":
                return None if self.tools is None else TOOL
            case "agent":
                return self._actions.get(("agent", "", "agent"))
            case _:
                return None

    def executable(self, node: Mapping[str, Json]) -> Action[Call] | None:
        """The action that executes a node: of a service that is not installed, one that fails with a sentence."""
        return self.find(node) or self._actions.get((str(node.get("kind")), ANY, ANY))

    def natives(self) -> list[Action[Call]]:
        """Every native action, by slug."""
        return [self._actions[key] for key in sorted(self._actions) if key[0] == "native"]


def find_actions(package: str) -> tuple[Action[Call], ...]:
    """The `ACTION` of every module of a package, or its `ACTIONS` where it has several, by slug. Sub-packages hold what actions share.
    AttributeError for a module that has neither."""
    actions: list[Action[Call]] = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not info.ispkg:
            module = importlib.import_module(info.name)
            actions += module.ACTIONS if hasattr(module, "ACTIONS") else [module.ACTION]
    return tuple(sorted(actions, key=lambda action: action.slug))
