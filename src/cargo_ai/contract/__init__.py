"""The contract: what the wire says, and the registry of all operations. No behaviour, no database, no HTTP."""

from __future__ import annotations

import importlib
import pkgutil

from cargo_ai.kernel.operation import Registry

operations = Registry()


def load() -> Registry:
    """Import every room's declarations and return the registry; safe to call twice."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return operations
