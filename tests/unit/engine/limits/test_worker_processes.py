"""Limits over processes: three windows hold at once, another user of the account leaves less, and a killed worker takes nothing along."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import pytest

from cargo_ai.engine.limits.limits import Limits
from cargo_ai.engine.limits.policy import CallShape, Headers, Owner, Policy
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database
from tests.unit.engine.limits.calling_worker import POLICIES
from tests.unit.engine.limits.test_bucket import in_any_window

JITTER = 0.1
"""By how much a busy machine may delay one call and not the other."""


async def _calling(url: str, seconds: float) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.unit.engine.limits.calling_worker", url, str(seconds))
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def _read(worker: asyncio.subprocess.Process, times: list[float], until: float) -> None:
    assert worker.stdout is not None
    while line := await worker.stdout.readline():
        times.append(float(line))
        if times[-1] > until:
            worker.kill()
    await worker.wait()


@pytest.mark.slow
async def test_two_workers_keep_three_windows_and_use_them_also_when_one_is_killed(database_url: str) -> None:
    workers = [await _calling(database_url, 60.0) for _ in range(2)]
    killed, survivor = list[float](), list[float]()
    for worker, times in zip(workers, (killed, survivor), strict=True):
        await _read_one(worker, times)
    end = max(killed + survivor) + 4.0
    async with asyncio.TaskGroup() as reading:
        reading.create_task(_read(workers[0], killed, end - 3.3))
        reading.create_task(_read(workers[1], survivor, end))
    times = sorted(killed + survivor)
    for policy in POLICIES:
        assert in_any_window(times, policy.per_seconds - JITTER) <= policy.max
    # One of them alone uses nearly all that there is.
    assert sum(time > end - 3.0 - JITTER for time in times) >= 0.9 * 80


async def _read_one(worker: asyncio.subprocess.Process, times: list[float]) -> None:
    assert worker.stdout is not None
    times.append(float(await worker.stdout.readline()))


@dataclass
class Vendor:
    """Takes 40 calls in two seconds, and then in the next two; another user has made 20 of them already. Says what is left."""

    began: float
    window: int = -1
    left: int = 0
    refused: int = 0
    taken: int = 0

    def call(self) -> tuple[int, dict[str, str]]:
        """One call now: status and headers."""
        passed = clock.seconds() - self.began
        if passed // 2.0 > self.window:
            self.window, self.left = int(passed // 2.0), 20
        taken = self.left > 0
        self.left -= taken
        self.taken += taken
        self.refused += not taken
        return 200 if taken else 429, {"x-left": str(self.left), "x-reset": str(2.0 - passed % 2.0)}


async def _use(vendor: Vendor, limits: Limits, policy: Policy, until: float) -> None:
    shape = Owner("connector:1"), (policy,), CallShape("act")
    while clock.seconds() < until:
        wait = await limits.admit(*shape, 2.0)
        if wait == 0.0:
            status, headers = vendor.call()
            await limits.observe(*shape, headers, status)
        await asyncio.sleep(wait)


async def _refused(url: str, policy: Policy) -> tuple[int, int]:
    """How many of our calls a service refuses, and how many it takes, while another user takes half of what it allows."""
    vendor, until = Vendor(clock.seconds()), clock.seconds() + 3.9
    databases = [Database(url, pool_size=2, overflow=0) for _ in range(2)]
    workers = [Limits(database) for database in databases]
    users = [asyncio.create_task(_use(vendor, limits, policy, until)) for limits in workers for _ in range(10)]
    await asyncio.gather(*users)
    for limits in workers:
        await limits.end()
    for database in databases:
        await database.close()
    return vendor.refused, vendor.taken


async def test_another_user_of_the_account_is_left_what_it_uses(database_url: str) -> None:
    hearing, deaf = Policy(40, 2.0, headers=Headers("", "x-left", "x-reset"), name="hearing"), Policy(40, 2.0, name="deaf")
    (refused, taken), (blindly, _) = await asyncio.gather(_refused(database_url, hearing), _refused(database_url, deaf))
    assert blindly > 15
    # What has happened in the last tenths of a second is not known yet: in windows of two seconds that is much.
    assert refused <= 0.6 * blindly
    assert taken >= 30
