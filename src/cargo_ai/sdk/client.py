"""Client: the asynchronous Python client."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, overload

import httpx

from cargo_ai.kernel.operation import Operation, Reason, Req, Res
from cargo_ai.kernel.wire import Wire
from cargo_ai.sdk import exchange
from cargo_ai.sdk.exchange import Exchange, Outcome, Send, Settings


class Client:
    """`async with Client(Settings(token)) as client: await client.call(operation, request)`."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(
            base_url=settings.base_url, headers=settings.headers(), timeout=settings.timeout, transport=transport
        )

    @staticmethod
    def from_environment() -> Client:
        """A client as `CARGO_API_TOKEN`, `CARGO_API_URL` and `CARGO_WORKSPACE_UUID` say; ValueError without a token."""
        return Client(Settings.from_environment())

    async def call(self, operation: Operation[Req, Res, Reason], request: Req, *, idempotency_key: str | None = None) -> Res:
        """The reply to one operation.

        Lost connections and 503s are repeated, writes under one idempotency key (a fresh one unless given). Raises Refusal with `status`
        and `reason`; httpx.TransportError when the server cannot be reached.
        """
        return await self._drive(exchange.call(operation, request, idempotency_key=idempotency_key))

    @overload
    async def wait(self, operation: Operation[Req, Any, Any], subject: Req, *, timeout: float | None = None) -> Wire: ...

    @overload
    async def wait(self, operation: Operation[Any, Res, Any], subject: Res, *, timeout: float | None = None) -> Wire: ...

    async def wait(self, operation: Operation[Req, Res, Reason], subject: Req | Res, *, timeout: float | None = None) -> Wire:
        """Wait until a piece of work ends and return its final reply.

        `wait(batch.get, ByUuid(uuid=…))` or `wait(batch.create, reply)`. The server holds each request open. Raises Unfinished after
        `timeout` seconds (None: never), Refusal as `call` does.
        """
        return await self._drive(exchange.finish(operation, subject, timeout))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _drive(self, steps: Exchange[Res]) -> Res:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: Res = end.value
                return result
            if isinstance(step, Send):
                outcome = await self._send(step)
            else:
                outcome = None
                await asyncio.sleep(step.seconds)

    async def _send(self, step: Send) -> Outcome:
        try:
            return await self._http.request(
                step.verb, step.path, json=step.body, headers=step.headers, timeout=self._settings.timeout + step.extra_seconds
            )
        except httpx.TransportError as error:
            return error
