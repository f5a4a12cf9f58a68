"""A service with a list of people of any length, made as it is asked for; it takes a number of requests in a second and refuses the others.

python -m tests.simulators.people --count 1000000 --most 25
"""

from __future__ import annotations

import argparse
import socket
import time
from collections import Counter, deque
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.simulators import running

Json = Any


class People:
    """`count` people. `pages`: how often each page was given, by the number before it; `refused`: requests that came too fast."""

    def __init__(self, count: int, most: int) -> None:
        self.count, self.most = count, most
        self.pages = Counter[int]()
        self.refused = 0
        self._recent: deque[float] = deque()

    async def page(self, request: Request) -> Response:
        """The people behind a number."""
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.most:
            self.refused += 1
            return JSONResponse({"message": "Too many requests."}, 429, {"retry-after": "1"})
        self._recent.append(now)
        after, limit = int(request.query_params["after"]), int(request.query_params["limit"])
        self.pages[after] += 1
        last = min(after + limit, self.count)
        return JSONResponse({"people": [person(number) for number in range(after + 1, last + 1)], "more": last < self.count})

    async def report(self, request: Request) -> Response:
        """What came in."""
        return JSONResponse({"pages": len(self.pages), "calls": self.pages.total(), "refused": self.refused})

    def application(self) -> Starlette:
        """Its routes."""
        return Starlette(routes=[Route("/people", self.page), Route("/_report", self.report)])


def person(number: int) -> dict[str, Json]:
    """One of them."""
    return {
        "id": f"p{number:07}",
        "name": f"Person {number}",
        "email": f"person{number}@example.com",
        "age": number % 90,
        "since": f"20{number % 20 + 5:02}-0{number % 9 + 1}-11T08:00:00Z",
        "tags": ["a", "b"] if number % 3 else [],
    }


class Running(running.Running):
    """The service in a thread of this process."""

    def __init__(self, count: int, most: int) -> None:
        self.people = People(count, most)
        super().__init__(self.people.application())


def main() -> None:
    """Answer until the process is stopped; prints the URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.people")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, default=25)
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    running.server_of(People(options.count, options.most).application()).run([listening])


if __name__ == "__main__":
    main()
