"""A worker process of the tests of limits: calls as fast as it may and prints when each call went.

python -m tests.unit.engine.limits.calling_worker DATABASE_URL SECONDS
"""

from __future__ import annotations

import asyncio
import sys

from cargo_ai.engine.limits.limits import Limits
from cargo_ai.engine.limits.policy import CallShape, Owner, Policy
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

POLICIES = (Policy(20, 0.5), Policy(45, 1.5), Policy(80, 3.0))
"""A second, a minute and an hour, in small."""
CALLERS = 20


async def _call(limits: Limits, until: float) -> None:
    while clock.seconds() < until:
        wait = await limits.admit(Owner("connector:1"), POLICIES, CallShape("act"), 2.0)
        if wait == 0.0:
            print(clock.seconds(), flush=True)
        await asyncio.sleep(wait)


async def _main(url: str, seconds: float) -> None:
    database = Database(url, pool_size=2, overflow=0)
    limits, until = Limits(database), clock.seconds() + seconds
    await asyncio.gather(*(_call(limits, until) for _ in range(CALLERS)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], float(sys.argv[2])))
