"""Faults: what a test orders a simulator to do wrong, and what came in; the same for the simulators of all services."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Json = Any
KEPT_REQUESTS = 2_000
PIECES = 20


@dataclass
class Fault:
    """What to do to the next `times` requests that match, behind the first `skip`, and whose body has `holding` in it. `status` with `body`
    and `headers`: answer that instead of acting.

    body: JSON, or text to be sent as it is. drop: close the connection, before acting or after it. cut: send half of the body.
    delay: seconds before the answer, after acting. slow: seconds over which the body is sent, in small pieces.
    """

    method: str = ""
    path: str = ""
    holding: str = ""
    times: int = 1
    skip: int = 0
    status: int | None = None
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    drop: Literal["", "before", "after"] = ""
    cut: bool = False
    delay: float = 0.0
    slow: float = 0.0

    def takes(self, method: str, path: str, body: bytes) -> bool:
        """Whether it is for this request."""
        fits = self.method in ("", method) and re.search(self.path, path) is not None
        return self.times > 0 and fits and self.holding.encode() in body


@dataclass(frozen=True)
class Seen:
    """One request as it came in, with the status of its answer. `key`: its `Idempotency-Key`."""

    method: str
    path: str
    query: str
    body: Json
    status: int
    key: str = ""


class Orders:
    """What a simulator was ordered and has seen; the part of its control that is the same for all services."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: no faults, nothing seen. Simulators also go back to a new account."""
        self.faults: list[Fault] = []
        self.seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.counts: Counter[str] = Counter()
        self.under_way = self.most_under_way = 0

    def fail(self, **fault: Any) -> None:
        """Order a fault; the arguments are those of `Fault`."""
        self.faults.append(Fault(**fault))

    def fault_for(self, method: str, path: str, body: bytes = b"") -> Fault | None:
        """The fault that this request gets, used up by one."""
        for fault in self.faults:
            if not fault.takes(method, path, body):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
        return None

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count a request while it is answered."""
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            yield
        finally:
            self.under_way -= 1

    def note(self, seen: Seen) -> None:
        """Keep a request."""
        self.seen.append(seen)
        self.counts[f"{seen.method} {seen.status}"] += 1

    def sent(self, method: str = "", path: str = "") -> list[Seen]:
        """The requests of a method to paths that match the pattern, oldest first; by default all."""
        return [seen for seen in self.seen if method in ("", seen.method) and re.search(path, seen.path)]


class FaultyAnswer(Response):
    """An answer, or what a fault makes of it. The application has to run on the server of `tests.simulators.running`."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None = None) -> None:
        super().__init__(body, status, dict(headers), "application/json;charset=utf-8")
        self._fault = fault or Fault()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            scope["simulator_transport"].abort()
            await asyncio.sleep(0)  # the server notices, and writes no answer of its own
        elif fault.cut:
            await self._begin(send)
            await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
            scope["simulator_transport"].close()
            await asyncio.sleep(0.01)
        elif fault.slow:
            await self._begin(send)
            body = bytes(self.body)
            size = max(1, len(body) // PIECES)
            for start in range(0, len(body), size):
                await asyncio.sleep(fault.slow * size / len(body))
                await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            await super().__call__(scope, receive, send)

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
