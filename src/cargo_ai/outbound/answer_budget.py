"""A budget of bytes for the answers that a process reads at the same time, so that many large ones together do not exhaust its memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable


class AnswerBudget:
    """At most `total` bytes are set aside at a time, and at most `share` of them for one workspace.

    An answer has all that it may need set aside at once: were it to ask bit by bit, many half-read ones could wait for each other. When
    there is room again, the answer of the workspace that has the least goes first, and of those the one that has waited longest.
    """

    def __init__(self, total: int, share: int) -> None:
        self._total, self._share = total, share
        self._used = 0
        self._used_by: dict[uuid.UUID | None, int] = {}
        self._waiting: list[Room] = []

    def admit(self, room: Room) -> None:
        """Set aside what this one asks for, now or when there is room."""
        self._waiting.append(room)
        self._admit_next()

    def give_back(self, room: Room) -> None:
        """It needs nothing any longer."""
        if room.is_waiting:
            self._waiting.remove(room)
        else:
            self._used -= room.size
            left = self._used_by[room.workspace] - room.size
            if left:
                self._used_by[room.workspace] = left
            else:
                del self._used_by[room.workspace]
        self._admit_next()

    def _admit_next(self) -> None:
        while (room := self._next()) is not None:
            self._waiting.remove(room)
            self._used += room.size
            self._used_by[room.workspace] = self._used_by.get(room.workspace, 0) + room.size
            room.admitted()

    def _next(self) -> Room | None:
        """Whose turn it is, if there is room for it: smaller ones do not go before it, or it might wait forever."""
        allowed = [room for room in self._waiting if self._is_within_share(room)]
        if not allowed:
            return None
        room = min(allowed, key=lambda room: self._used_by.get(room.workspace, 0))
        return room if not self._used or self._used + room.size <= self._total else None

    def _is_within_share(self, room: Room) -> bool:
        used = self._used_by.get(room.workspace, 0)
        return not used or used + room.size <= self._share


class Room:
    """The room of one answer in the budget. `workspace`: whose call it is, None for those of the server itself."""

    __slots__ = ("_budget", "_on_admitted", "is_waiting", "size", "workspace")

    def __init__(self, budget: AnswerBudget, workspace: uuid.UUID | None) -> None:
        self._budget, self.workspace = budget, workspace
        self._on_admitted: Callable[[], None] | None = None
        self.size = 0
        self.is_waiting = False
        """Whether there is no room for it yet, or never was."""

    def ask(self, size: int, on_admitted: Callable[[], None]) -> None:
        """Ask for all that the answer may need, once: `is_waiting` says whether it has to wait until `on_admitted` is called."""
        self.size, self.is_waiting, self._on_admitted = size, True, None
        self._budget.admit(self)
        self._on_admitted = on_admitted

    def admitted(self) -> None:
        """There is room for it."""
        self.is_waiting = False
        if self._on_admitted is not None:
            self._on_admitted()

    def give_back(self) -> None:
        """The answer is read, or will never be."""
        if self.size:
            self._budget.give_back(self)
            self.size = 0
