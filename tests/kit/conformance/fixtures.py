"""The simulator and the harness of a conformance test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

import pytest

from cargo_ai.outbound import http_client
from tests.kit.conformance.harness import SETTINGS, Harness
from tests.kit.conformance.subject import Simulator, Subject


class Fixtures:
    """`harness`: a new account in the simulator of the class, and an outbound client that may reach it."""

    subject: ClassVar[Subject]

    def needs_http(self) -> None:
        """Skip a test that is about HTTP."""
        if not self.subject.over_http:
            pytest.skip("the service is not called over HTTP")

    @pytest.fixture(scope="class")
    @classmethod
    def simulator(cls, request: pytest.FixtureRequest) -> Iterator[Simulator]:
        """The simulator, for all tests of the class."""
        running = cls.subject.running
        if isinstance(running, str):
            yield request.getfixturevalue(running)
        else:
            with running() as simulator:
                yield simulator

    @pytest.fixture
    async def harness(self, simulator: Simulator) -> AsyncIterator[Harness]:
        """Attempts against the simulator, whose account is new."""
        simulator.control.reset()
        async with http_client.client(SETTINGS) as client:
            yield Harness(self.subject, simulator, client, self.subject.account(simulator))
