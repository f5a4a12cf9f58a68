"""SyncClient: the Python client for code without an event loop."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self, overload

import httpx

from cargo_ai.kernel.operation import Operation, Reason, Req, Res
from cargo_ai.kernel.wire import Wire
from cargo_ai.sdk import exchange
from cargo_ai.sdk.exchange import Exchange, Outcome, Send, Settings


class SyncClient:
    """`with SyncClient(Settings(token)) as client: client.call(operation, request)`."""

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        self._settings = settings
        self._http = httpx.Client(base_url=settings.base_url, headers=settings.headers(), timeout=settings.timeout, transport=transport)

    @staticmethod
    def from_environment() -> SyncClient:
        """A client as `CARGO_API_TOKEN`, `CARGO_API_URL` and `CARGO_WORKSPACE_UUID` say; ValueError without a token."""
        return SyncClient(Settings.from_environment())

    def call(self, operation: Operation[Req, Res, Reason], request: Req, *, idempotency_key: str | None = None) -> Res:
        """The reply to one operation; repeats and raises as `Client.call` does."""
        return self._drive(exchange.call(operation, request, idempotency_key=idempotency_key))

    @overload
    def wait(self, operation: Operation[Req, Any, Any], subject: Req, *, timeout: float | None = None) -> Wire: ...

    @overload
    def wait(self, operation: Operation[Any, Res, Any], subject: Res, *, timeout: float | None = None) -> Wire: ...  # pyright: ignore[reportOverlappingOverload]

    def wait(self, operation: Operation[Req, Res, Reason], subject: Req | Res, *, timeout: float | None = None) -> Wire:
        """Wait for the end of a piece of work and return its final reply; as `Client.wait`."""
        return self._drive(exchange.finish(operation, subject, timeout))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _drive(self, steps: Exchange[Res]) -> Res:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: Res = end.value
                return result
            if isinstance(step, Send):
                outcome = self._send(step)
            else:
                outcome = None
                time.sleep(step.seconds)

    def _send(self, step: Send) -> Outcome:
        try:
            return self._http.request(
                step.verb, step.path, json=step.body, headers=step.headers, timeout=self._settings.timeout + step.extra_seconds
            )
        except httpx.TransportError as error:
            return error
