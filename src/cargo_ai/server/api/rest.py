"""REST: one route per path of the operations that are handled, and the hand-written routes beside them."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cargo_ai import contract
from cargo_ai.context.handlers import handlers
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.server.api.state import State

PREFIX = "/v1"


def handled_operations() -> list[HandledOperation]:
    """Every operation with its handler, by name. Imports all rooms; a handler without a declared operation is a bug (LookupError)."""
    operations = contract.load()
    for _ in walk("cargo_ai.domains"):
        pass
    lost = sorted(name for name in handlers if name not in operations)
    if lost:
        raise LookupError(f"handlers of operations that nobody declares: {', '.join(lost)}")
    return [HandledOperation(operations[name], handlers[name]) for name in sorted(handlers)]


def route_operations() -> list[AnyOperation]:
    """The operations that hand-written routes answer: each module of `server.raw` may name them in `operations`."""
    return [operation for module in walk("cargo_ai.server.routes") for operation in getattr(module, "operations", ())]


def handwritten_routes() -> list[BaseRoute]:
    """The routes of all modules of `server.raw`, each of which lists its own in `routes`."""
    return [route for module in walk("cargo_ai.server.routes") for route in getattr(module, "routes", ())]


def public_operations() -> list[AnyOperation]:
    """Every operation that this server answers, by name: what OpenAPI, the command line and the reference pages list."""
    found = {one.operation.name: one.operation for one in handled_operations()} | {one.name: one for one in route_operations()}
    return [found[name] for name in sorted(found)]


def routes(state: State, operations: Iterable[HandledOperation]) -> list[BaseRoute]:
    """One route per path under `/v1`; a path without fields comes before one whose fields could swallow it."""
    by_path: defaultdict[str, dict[str, HandledOperation]] = defaultdict(dict)
    for one in operations:
        verbs = by_path[one.operation.path]
        if one.operation.verb in verbs:
            raise ValueError(f"{one.operation.name} and {verbs[one.operation.verb].operation.name} have the same verb and path")
        verbs[one.operation.verb] = one
    return [_route(state, path, by_path[path]) for path in sorted(by_path, key=_rank)]


def _rank(path: str) -> tuple[tuple[bool, str], ...]:
    # False sorts first: at every level a word wins over a field.
    return tuple((part.startswith("{"), part) for part in path.split("/"))


def _route(state: State, path: str, verbs: dict[str, HandledOperation]) -> Route:
    async def endpoint(request: Request) -> Response:
        verb = "GET" if request.method == "HEAD" else request.method
        return await dispatch.respond(state, verbs[verb], request)

    return Route(PREFIX + path, endpoint, methods=list(verbs))


def walk(package: str) -> Iterable[ModuleType]:
    """Import every module below a package, in the order of their names; nothing when there is no such package. Errors pass through."""
    if find_spec(package) is None:
        return
    top = importlib.import_module(package)
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        yield importlib.import_module(found.name)
