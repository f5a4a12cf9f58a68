"""Conformance: what a service answers when it does not do what it was asked for, and what becomes of the node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from cargo_ai.integrations.kit import Done, Failed
from cargo_ai.kernel import clock
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness

WORDS = "Reason 4711."
WAIT_SECONDS = 30
SHORTEST_TIMEOUT, TIMEOUT, LONGEST_TIMEOUT = 0.1, 0.25, 1.0


class FailureTests(Fixtures):
    """Failures."""

    async def _status(self, harness: Harness, status: int, *, reason: str, transient: bool) -> None:
        """Every action fails with this status in this way, in the vendor's words, after one call."""
        self.needs_http()
        for action, config in harness.actions():
            harness.prepare(action)
            harness.fail(action, status=status, times=9, body=harness.subject.error(status, WORDS))
            failure = await harness.failed(action, config)
            assert (failure.reason, failure.transient) == (reason, transient), f"{action.slug}: {failure}"
            assert WORDS.rstrip(".") in failure.message, f"{action.slug}: {failure.message}"
            statuses = [seen.status for seen in harness.control.sent()]
            assert statuses.count(status) == 1, f"{action.slug}: {statuses}"

    async def test_403_is_forbidden(self, harness: Harness) -> None:
        await self._status(harness, 403, reason="forbidden", transient=False)

    async def test_404_is_not_found(self, harness: Harness) -> None:
        await self._status(harness, 404, reason="notFound", transient=False)

    async def test_409_is_a_conflict(self, harness: Harness) -> None:
        await self._status(harness, 409, reason="conflict", transient=False)

    async def test_422_is_invalid_in_the_vendors_words(self, harness: Harness) -> None:
        await self._status(harness, 422, reason="invalidRequest", transient=False)

    async def test_5xx_may_be_tried_again(self, harness: Harness) -> None:
        self.needs_http()
        for status in (500, 502, 503, 504):
            for action, config in harness.actions():
                harness.prepare(action)
                harness.fail(action, status=status, times=9, body=harness.subject.error(status, WORDS))
                failure = await harness.failed(action, config)
                # What may not be done twice is not tried again, and says that it may have been done.
                repeatable = action.idempotency != "none"
                assert failure.transient is repeatable, f"{action.slug}: {failure}"
                assert failure.reason == ("serviceUnavailable" if repeatable else "outcomeUnknown"), f"{action.slug}: {failure}"

    async def _too_fast(self, harness: Harness, headers: Mapping[str, str], least: float, most: float) -> None:
        self.needs_http()
        for action, config in harness.actions():
            harness.prepare(action)
            harness.fail(action, status=429, headers=headers, body=harness.subject.error(429, WORDS))
            failure = await harness.failed(action, config)
            assert failure.transient and failure.reason == "rateLimited", f"{action.slug}: {failure}"
            assert failure.retry_after is not None and least <= failure.retry_after <= most, f"{action.slug}: {failure}"

    async def test_429_with_seconds_waits_for_them(self, harness: Harness) -> None:
        await self._too_fast(harness, {"retry-after": str(WAIT_SECONDS)}, WAIT_SECONDS, WAIT_SECONDS)

    async def test_429_with_a_date_waits_until_then(self, harness: Harness) -> None:
        moment = format_datetime(clock.now() + timedelta(seconds=WAIT_SECONDS), usegmt=True)
        await self._too_fast(harness, {"retry-after": moment}, WAIT_SECONDS - 15, WAIT_SECONDS)

    async def test_429_with_an_epoch_waits_until_then(self, harness: Harness) -> None:
        await self._too_fast(harness, {"retry-after": f"{clock.unix_seconds() + WAIT_SECONDS:.0f}"}, WAIT_SECONDS - 15, WAIT_SECONDS + 1)

    async def test_429_without_a_time_waits_all_the_same(self, harness: Harness) -> None:
        self.needs_http()
        for action, config in harness.actions():
            harness.prepare(action)
            harness.fail(action, status=429, times=9, body=harness.subject.error(429, WORDS))
            failure = await harness.failed(action, config)
            assert failure.transient and failure.reason == "rateLimited", f"{action.slug}: {failure}"

    async def _broken(self, harness: Harness, **fault: Any) -> None:
        """The connection fails before an answer: every action that may be repeated says so, and is done once in the end."""
        for action, config in harness.actions():
            harness.prepare(action)
            effect, timeout = (None, TIMEOUT) if action.hint == "deletes" else await self._done_once(harness, action, config)
            harness.prepare(action)
            harness.fail(action, **fault)
            harness.hurry = timeout
            key = harness.new_key()
            outcome = await harness.act(action, config, key)
            harness.hurry = 0.0
            empty = harness.subject.examples[action.slug].empty and ("slow" in fault or "cut" in fault)
            if isinstance(outcome, Done) and (action.hint != "writes" or empty):
                continue  # an answer without a body is neither slow nor cut off; and the client itself asks again for what it only reads
            assert isinstance(outcome, Failed), f"{action.slug}: {outcome}"
            if action.idempotency == "none" and fault.get("drop") != "before":
                assert (outcome.transient, outcome.reason) == (False, "outcomeUnknown"), f"{action.slug}: {outcome}"
                continue
            if action.idempotency == "none":
                continue
            assert outcome.transient, f"{action.slug}: {outcome}"
            await harness.done(action, config, key)
            if effect is not None:
                assert harness.effect(action) == effect, action.slug

    @staticmethod
    async def _done_once(harness: Harness, action: Any, config: Any) -> tuple[Any, float]:
        """The effect of an action, and a time-out that its calls keep easily: by how long all of it takes on this machine now."""
        began = clock.seconds()
        await harness.done(action, config)
        return harness.effect(action), min(max(SHORTEST_TIMEOUT, 10 * (clock.seconds() - began)), LONGEST_TIMEOUT)

    async def test_a_connection_that_breaks_before_the_effect(self, harness: Harness) -> None:
        await self._broken(harness, drop="before")

    async def test_a_connection_that_breaks_after_the_effect(self, harness: Harness) -> None:
        await self._broken(harness, drop="after")

    async def test_an_answer_that_comes_too_late(self, harness: Harness) -> None:
        self.needs_http()
        await self._broken(harness, delay=2.0)

    async def test_a_body_that_comes_too_slowly(self, harness: Harness) -> None:
        self.needs_http()
        await self._broken(harness, slow=2.0)

    async def test_a_body_that_is_cut_off(self, harness: Harness) -> None:
        self.needs_http()
        await self._broken(harness, cut=True)

    async def test_an_answer_that_is_not_json(self, harness: Harness) -> None:
        self.needs_http()
        for action, config in harness.actions():
            harness.prepare(action)
            harness.fail(action, status=200, body="<html>Maintenance</html>")
            outcome = await harness.act(action, config)
            if isinstance(outcome, Failed):
                assert "Maintenance" in outcome.message, f"{action.slug}: {outcome}"
            else:
                assert any("JSON" in warning for warning in getattr(outcome, "warnings", ())), f"{action.slug}: {outcome}"
