"""Transport: requests of a model's library go through the call of a service, which signs in, keeps its limits and reads its errors.

So the library holds no key, opens no connection, and repeats nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

Json = Any
Call = Callable[[Json], Awaitable[Json]]
"""(body of the request) → body of the answer. What it raises ends the step."""


def client_for(call: Call) -> tuple[httpx2.AsyncClient, list[BaseException]]:
    """A client whose every request is this call, and the failures of it: libraries wrap what a client raises."""
    import httpx2

    failures: list[BaseException] = []

    class Transport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            try:
                answer = await call(json.loads(await request.aread()))
            except BaseException as error:
                failures.append(error)
                raise
            return httpx2.Response(200, headers={"content-type": "application/json"}, content=json.dumps(answer).encode(), request=request)

    return httpx2.AsyncClient(transport=Transport()), failures
