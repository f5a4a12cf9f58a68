"""The rows of a batch: each with its own config and its own outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

from cargo_ai.engine.graph.action import Failed, InvalidConfig, Outcome
from cargo_ai.integrations.kit.calls.service_call import Service
from cargo_ai.integrations.kit.forms import FormT
from cargo_ai.integrations.kit.request import ActionRequest

ReadT = TypeVar("ReadT")


class Rows(Generic[FormT]):
    """The requests of a batch. What is wrong with the config of one fails it alone; the others are `forms`, by position."""

    def __init__(self, requests: Sequence[ActionRequest], form: type[FormT]) -> None:
        self.requests = requests
        self._settled: dict[int, Outcome] = {}
        self.forms: dict[int, FormT] = {}
        for position, request in enumerate(requests):
            try:
                self.forms[position] = request.form(form)
            except InvalidConfig as error:
                self.settle(position, Failed(str(error), reason="invalidConfig"))

    def read(self, reading: Callable[[FormT], ReadT]) -> dict[int, ReadT]:
        """What the forms say, by position; those in which something is wrong have failed."""
        said: dict[int, ReadT] = {}
        for position, form in list(self.forms.items()):
            try:
                said[position] = reading(form)
            except InvalidConfig as error:
                del self.forms[position]
                self.settle(position, Failed(str(error), reason="invalidConfig"))
        return said

    @property
    def service(self) -> Service:
        """The service: the rows share one account."""
        return self.requests[0].service

    @property
    def first(self) -> FormT:
        """The config of the first row: in what the rows of a batch have in common it stands for all."""
        return next(iter(self.forms.values()))

    def settle(self, position: int, outcome: Outcome) -> None:
        """What became of a row."""
        self._settled[position] = outcome

    def invalid(self, error: InvalidConfig) -> None:
        """What is wrong with the config of all rows that have no outcome yet."""
        for position in self.forms.keys() - self._settled.keys():
            self.settle(position, Failed(str(error), reason="invalidConfig"))

    def outcomes(self) -> list[Outcome]:
        """One for each request, in their order."""
        said = f"{self.service.name} answered, but not what became of this row. Look there before you repeat it."
        unknown = Failed(said, reason="unexpectedAnswer")
        return [self._settled.get(position, unknown) for position in range(len(self.requests))]


def batched(
    form: type[FormT], act: Callable[[Rows[FormT]], Awaitable[None]]
) -> Callable[[Sequence[ActionRequest]], Awaitable[list[Outcome]]]:
    """The `perform` of an action that acts for many rows. `act` sees at least one valid row, and settles each."""

    async def perform(requests: Sequence[ActionRequest]) -> list[Outcome]:
        rows = Rows(requests, form)
        try:
            if rows.forms:
                await act(rows)
        except InvalidConfig as error:
            rows.invalid(error)
        return rows.outcomes()

    return perform


def numbered(positions: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The positions in parts of at most `size`."""
    for start in range(0, len(positions), size):
        yield positions[start : start + size]
