"""Runs in flight: how many runs this process drives, and whether another of them may come to a node soon."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager


class InFlight:
    """Counts what may still move: runs that are driven, shards whose next runs are read, and, of the runs, those that are held at a node
    until others come. When all are held, waiting for others is in vain; `when_quiet` is called."""

    def __init__(self) -> None:
        self._moving = 0
        self._watchers: list[Callable[[], None]] = []

    @property
    def is_quiet(self) -> bool:
        """Whether nothing moves, so that no other run can come before one of those that are held goes on."""
        return self._moving <= 0

    def watch(self, when_quiet: Callable[[], None]) -> None:
        """Call this each time that nothing moves any longer."""
        self._watchers.append(when_quiet)

    @contextmanager
    def moving(self) -> Generator[None]:
        """A run is driven here, or the next ones are read."""
        self._moving += 1
        try:
            yield
        finally:
            self.stop()

    @contextmanager
    def resting(self) -> Generator[None]:
        """A run that moves waits for runs that count by themselves."""
        self.stop()
        try:
            yield
        finally:
            self.go()

    def go(self) -> None:
        """A run that rested or was held moves again."""
        self._moving += 1

    def stop(self) -> None:
        """A run rests, is held, or is no longer driven here."""
        self._moving -= 1
        if self._moving <= 0:
            for watcher in self._watchers:
                watcher()
