"""A stateful imitation of a plain REST service that keeps things: for integrations with no vendor of their own, and for the guide.

It signs in by `Authorization: Bearer`, refuses fields that it does not know (422), keeps names unique (409), honours `Idempotency-Key`,
pages by cursor, and takes 100 things in one request.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running
from tests.simulators.faults import Orders
from tests.simulators.serving import Act, Refused, application

Json = Any
KEY = "things-key-4711-abcdef"
FIELDS = frozenset({"name", "note", "size"})
MAX = 100


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"message": message})


class Things(Orders):
    """The things, by id."""

    def reset(self) -> None:
        """Back to none."""
        super().reset()
        self.things: dict[str, dict[str, Json]] = {}
        self.answers: dict[str, tuple[int, Json]] = {}
        self._ids = itertools.count(1)

    def add(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Keep a new thing. Refused: unknown fields, no name, a name that is taken."""
        self._check(document)
        if not document.get("name"):
            raise _refused(422, "`name` is missing.")
        if any(thing["name"] == document["name"] for thing in self.things.values()):
            raise _refused(409, f"There is a thing {document['name']} already.")
        thing = {"id": str(next(self._ids)), **document}
        self.things[thing["id"]] = thing
        return thing

    def change(self, key: str, document: Mapping[str, Json]) -> dict[str, Json]:
        """Change some fields of a thing; null clears one."""
        self._check(document)
        if key not in self.things:
            raise _refused(404, f"There is no thing {key}.")
        self.things[key] |= document
        return self.things[key]

    def page(self, after: str, limit: int) -> dict[str, Json]:
        """Things by id, and where the next page begins."""
        ids = sorted((key for key in self.things if int(key) > int(after or 0)), key=int)
        shown = ids[:limit]
        return {"things": [self.things[key] for key in shown], "next": shown[-1] if len(ids) > limit else None}

    def once(self, key: str, act: Callable[[], tuple[int, Json]]) -> tuple[int, Json]:
        """The answer; the same again for a key that came before."""
        if key not in self.answers:
            answer = act()
            if key:
                self.answers[key] = answer
            return answer
        return self.answers[key]

    @staticmethod
    def _check(document: Mapping[str, Json]) -> None:
        unknown = sorted(set(document) - FIELDS)
        if unknown:
            raise _refused(422, f"There is no field `{unknown[0]}`.")


_Act = Callable[[Things, Request, Json], tuple[int, Json]]


def _me(_things: Things, _request: Request, _body: Json) -> tuple[int, Json]:
    return 200, {"account": "Test", "active": True}


def _add(things: Things, _request: Request, body: Json) -> tuple[int, Json]:
    return 201, things.add(body)


def _add_many(things: Things, _request: Request, body: Json) -> tuple[int, Json]:
    """All of them or none."""
    documents = cast("list[dict[str, Json]]", body["things"])
    if len(documents) > MAX:
        raise _refused(422, f"At most {MAX} things.")
    former = dict(things.things)
    try:
        return 201, {"things": [things.add(document) for document in documents]}
    except Refused:
        things.things = former
        raise


def _list(things: Things, request: Request, _body: Json) -> tuple[int, Json]:
    limit = request.query_params.get("limit", "10")
    if not limit.isdigit() or not 1 <= int(limit) <= MAX:
        raise _refused(422, f"`limit` must be from 1 to {MAX}.")
    return 200, things.page(request.query_params.get("after", ""), int(limit))


def _change(things: Things, request: Request, body: Json) -> tuple[int, Json]:
    return 200, things.change(request.path_params["key"], body)


def _remove(things: Things, request: Request, _body: Json) -> tuple[int, Json]:
    if things.things.pop(request.path_params["key"], None) is None:
        raise _refused(404, f"There is no thing {request.path_params['key']}.")
    return 204, None


def build(things: Things) -> Starlette:
    """The simulator as an application."""

    def signed_in(act: _Act) -> Act:
        def answer(request: Request, body: Json) -> tuple[int, Json]:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                raise _refused(401, "The key is not valid.")
            return things.once(request.headers.get("idempotency-key", ""), lambda: act(things, request, body))

        return answer

    acts: list[tuple[str, str, _Act]] = [
        ("GET", "/me", _me),
        ("GET", "/things", _list),
        ("POST", "/things", _add),
        ("POST", "/things/batch", _add_many),
        ("PATCH", "/things/{key}", _change),
        ("DELETE", "/things/{key}", _remove),
    ]
    return application(things, [(method, path, signed_in(act)) for method, path, act in acts])


class Running(running.Running):
    """The simulator at `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self) -> None:
        self.control = Things()
        super().__init__(build(self.control))
