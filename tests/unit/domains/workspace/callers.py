"""A person who asks operations, as the tests of the workspace room use it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from cargo_ai import contract
from cargo_ai.context.context import Caller, Context
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import operation_handlers


@dataclass
class Person:
    """A caller: asks operations through their handlers, one transaction each, as dispatch does."""

    state: State
    who: Caller

    @asynccontextmanager
    async def asking(self) -> AsyncGenerator[Context]:
        """The context of one request; its transaction commits at the end."""
        here = self.state
        async with here.database.session(self.who.workspace_uuid) as db:
            yield Context(self.who, db, here.services, "http://127.0.0.1:8420", "request")
            await db.commit()

    async def call(self, operation_id: str, /, **fields: Any) -> dict[str, Any]:
        """The reply to one operation, as JSON; `warnings` beside it when there are any."""
        operation = contract.load()[operation_id]
        assert operation.permission is None or self.who.may(operation.permission), f"403: {operation.permission}"
        async with self.asking() as ctx:
            reply = await operation_handlers()[operation_id](ctx, operation.request.model_validate(fields))
        return reply.to_wire() | ({"warnings": ctx.warnings} if ctx.warnings else {})

    def may(self, operation_id: str) -> bool:
        """Whether dispatch would let this caller ask the operation."""
        needs = contract.load()[operation_id].permission
        return needs is None or self.who.may(needs)


Entering = Callable[[str], Awaitable[Person]]
"""Sign in with a token."""
Joining = Callable[[str, str], Awaitable[Person]]
"""Let someone in with an e-mail and a role, and sign in as that person."""
