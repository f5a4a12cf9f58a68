"""The contract: wire types and declared operations, collected in one registry. No behaviour, no database, no HTTP."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from cargo_ai.kernel.operation import Registry

operations = Registry()


@cache
def load() -> Registry:
    """Import every domain's declarations and return the registry. Looking for the modules takes as long as a request."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return operations
