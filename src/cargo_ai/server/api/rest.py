"""REST routes: one per path of the handled operations, and the hand-written ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from types import ModuleType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cargo_ai import contract
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.server.api.route_index import RouteIndex
from cargo_ai.server.api.state import state_of
from cargo_ai.server.compose import operation_handlers, walk

PREFIX = "/v1"


@cache
def handled_operations() -> list[HandledOperation]:
    """Every operation with its handler, by name. Imports all domains; a handler without a declared operation is a bug (LookupError)."""
    operations, handlers = contract.load(), operation_handlers()
    undeclared = sorted(name for name in handlers if name not in operations)
    if undeclared:
        raise LookupError(f"handlers of operations that are not declared: {', '.join(undeclared)}")
    return [HandledOperation(operations[name], handlers[name]) for name in sorted(handlers)]


@cache
def _route_modules() -> tuple[ModuleType, ...]:
    return tuple(walk("cargo_ai.server.routes"))


def route_operations() -> list[AnyOperation]:
    """The operations that hand-written routes answer: each module of `server.routes` may list them in `operations`."""
    return [operation for module in _route_modules() for operation in getattr(module, "operations", ())]


def handwritten_routes() -> list[BaseRoute]:
    """The routes of all modules of `server.routes`, each of which lists its own in `routes`."""
    return [route for module in _route_modules() for route in getattr(module, "routes", ())]


def public_operations() -> list[AnyOperation]:
    """Every operation that this server answers, by name: what OpenAPI, the command line and the reference pages list."""
    by_name = {handled.operation.name: handled.operation for handled in handled_operations()}
    by_name |= {operation.name: operation for operation in route_operations()}
    return [by_name[name] for name in sorted(by_name)]


@cache
def indexed_routes() -> RouteIndex:
    """The routes of every handled operation."""
    return RouteIndex(routes(handled_operations()))


def routes(operations: Iterable[HandledOperation]) -> list[Route]:
    """One route per path under `/v1`; a path without fields comes before one whose fields match it too."""
    by_path: defaultdict[str, dict[str, HandledOperation]] = defaultdict(dict)
    for handled in operations:
        operation, verbs = handled.operation, by_path[handled.operation.path]
        if operation.verb in verbs:
            raise ValueError(f"{operation.name} and {verbs[operation.verb].operation.name} have the same verb and path")
        verbs[operation.verb] = handled
    return [_route(path, by_path[path]) for path in sorted(by_path, key=_rank)]


def _rank(path: str) -> tuple[tuple[bool, str], ...]:
    # False sorts first: at every level a word wins over a field.
    return tuple((part.startswith("{"), part) for part in path.split("/"))


def _route(path: str, verbs: dict[str, HandledOperation]) -> Route:
    async def endpoint(request: Request) -> Response:
        verb = "GET" if request.method == "HEAD" else request.method
        request.scope["state"]["operation"] = verbs[verb].operation.name
        return await dispatch.respond(state_of(request), verbs[verb], request)

    return Route(PREFIX + path, endpoint, methods=list(verbs))
