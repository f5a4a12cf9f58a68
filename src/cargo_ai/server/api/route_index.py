"""Index of routes: find a route by the first words of its path, instead of trying hundreds of patterns in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import Receive, Scope, Send

WORDS = 3
"""How many words of a path are looked at: the version, the domain and the noun."""


class RouteIndex(BaseRoute):
    """Serves what its routes serve, by the first one that matches. A path whose first words are fields is not for it (ValueError)."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = list(routes)
        self._by_words: defaultdict[tuple[str, ...], list[Route]] = defaultdict(list)
        for route in routes:
            words = _words(route.path)
            if any("{" in word for word in words):
                raise ValueError(f"{route.path} begins with a field")
            self._by_words[words].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the router asks: the child scope names the route that was found."""
        partial: tuple[Match, Scope] = (Match.NONE, {})
        for route in self._by_words.get(_words(scope["path"]), ()) if scope["type"] == "http" else ():
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "indexed_route": route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, "indexed_route": route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route that was found."""
        route: Route = scope["indexed_route"]
        await route.handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """No route here has a name."""
        raise NoMatchFound(name, path_params)


def _words(path: str) -> tuple[str, ...]:
    return tuple(path.split("/", WORDS + 1)[1 : WORDS + 1])
