"""Receiving: how many files each workspace is sending to this process, and how many bytes of them have come."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.state import State
from cargo_ai.server.api.transaction import transact
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection

RETRY_SECONDS = "5"


@dataclass(slots=True)
class _Receiving:
    """What one workspace sends at present. `bytes`: on disk, and not yet counted by any row."""

    files: int = 0
    bytes: int = 0


class Receiver:
    """The files that are arriving, by workspace; one per process."""

    def __init__(self) -> None:
        self._by_workspace: dict[uuid.UUID, _Receiving] = {}

    @property
    def arriving(self) -> int:
        """How many files are arriving, of all workspaces."""
        return sum(receiving.files for receiving in self._by_workspace.values())

    @asynccontextmanager
    async def receive(self, state: State, workspace: uuid.UUID, declared: int = 0) -> AsyncGenerator[Arrival]:
        """Take a file's bytes while the context lasts. Refusal: 429 where the workspace sends too many at once, 413 where it keeps all that
        it may, or would with the `declared` bytes."""
        most = state.settings.max_uploads_at_once
        receiving = self._by_workspace.setdefault(workspace, _Receiving())
        if most and receiving.files >= most:
            sentence = (
                f"This workspace is sending {receiving.files} files already, and may send {most} at once. Send this one when another has "
                "arrived. The operator of this server can raise CARGO_AI_MAX_UPLOADS_AT_ONCE."
            )
            raise Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": RETRY_SECONDS})
        receiving.files += 1
        arrival = Arrival(state, receiving)
        try:
            await arrival.begin(workspace, declared)
            yield arrival
        finally:
            arrival.end()
            receiving.files -= 1
            if not receiving.files:
                self._by_workspace.pop(workspace, None)


class Arrival:
    """One file that is arriving."""

    def __init__(self, state: State, receiving: _Receiving) -> None:
        self._state, self._receiving = state, receiving
        self._used = self._own = 0

    async def begin(self, workspace: uuid.UUID, declared: int) -> None:
        """Look how much the workspace keeps already."""
        if not self._state.settings.max_stored_bytes:
            return

        async def used(db: AsyncSession) -> int:
            return await quotas.used_of(await driver_connection(db), workspace, "storedBytes")

        self._used = await transact(self._state.database, workspace, used)
        self._require(max(declared, 1))

    async def counted(self, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """The same bytes, counted as they come. Refusal (413) as soon as there is no place for them."""
        async for chunk in body:
            self._own += len(chunk)
            self._receiving.bytes += len(chunk)
            self._require(0)
            yield chunk

    def _require(self, more: int) -> None:
        limit = self._state.settings.max_stored_bytes
        if limit and self._used + self._receiving.bytes + more > limit:
            raise quotas.exceeded("storedBytes", self._state.settings, self._used, self._receiving.bytes + more)

    def end(self) -> None:
        """The file is counted by its row now, or is gone."""
        self._receiving.bytes -= self._own
        self._own = 0


def receiver_of(state: State) -> Receiver:
    """The process's receiver."""
    return state.services.once(Receiver, Receiver)
