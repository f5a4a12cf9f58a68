"""Native actions that need no room and no I/O, one module each: what a node decides from its config alone."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from cargo_ai.engine.graph.action import NativeAction


@cache
def native_actions() -> tuple[NativeAction, ...]:
    """Every action of this package, in the order of their slugs: a module that has an `ACTION` is one."""
    modules = (importlib.import_module(module.name) for module in pkgutil.iter_modules(__path__, f"{__name__}."))
    found: list[NativeAction] = [module.ACTION for module in modules if hasattr(module, "ACTION")]
    return tuple(sorted(found, key=lambda action: action.slug))
