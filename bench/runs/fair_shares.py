"""fairShares: ten workspaces start a batch each at the same time, beside one whose large batch was there before."""

from __future__ import annotations

import asyncio
import sys
import time

import psycopg

from bench import graphs, report
from bench.report import Json
from bench.temporary_server import Api, MeasurementFailed, TemporaryServer
from cargo_ai.domains.workspace import public
from cargo_ai.server.compose import hooks
from cargo_ai.store.session import Database

WORKSPACES = 10
RECORDS = 5_000
EARLIER = 40_000
LATE = 200
PATIENCE_SECONDS = 180
DONE = """
select b.uuid::text, greatest(b.executed_count, (select coalesce(sum(s.executed), 0) from shards s where s.batch_uuid = b.uuid))
from batches b where b.uuid = any(%s)
"""


async def create_workspaces(url: str, count: int) -> list[str]:
    """The tokens of the admins of `count` further workspaces."""
    database = Database(url, pool_size=1)
    async with database.session(None) as session:
        found = [
            await public.add_workspace(session, hooks(), name=f"Workspace {at}", email=f"admin{at}@example.com") for at in range(count)
        ]
        await session.commit()
    await database.close()
    return [one.token for one in found]


class _Tenant:
    """A workspace with a tool and a file."""

    def __init__(self, server: TemporaryServer, token: str, records: int) -> None:
        self.api: Api = server.connect(token=token)
        self._server = server
        self._workflow, self._file = server.deploy(graphs.five_native(), self.api), server.upload(graphs.companies(records), self.api)

    def submit(self) -> str:
        """Send the file through the tool."""
        return self._server.start_batch(self._workflow, self._file, self.api)


def _shares(server: TemporaryServer, ten: list[_Tenant], late: _Tenant, earlier: str) -> tuple[list[tuple[int, int]], int, float, float]:
    """(least, most) of the ten at each look, what the earlier batch gained meanwhile, the seconds of the late one and of all."""
    with psycopg.connect(server.database().owner_url, autocommit=True) as database:

        def done(batches: list[str]) -> list[int]:
            found = dict(database.execute(DONE, (batches,)).fetchall())
            return [int(found[batch]) for batch in batches]

        while done([earlier])[0] < 1_000:
            time.sleep(0.05)
        before, began = done([earlier])[0], time.perf_counter()
        batches = [tenant.submit() for tenant in ten]
        spreads: list[tuple[int, int]] = []
        gained, late_seconds = 0, 0.0
        while min(now := done(batches)) < RECORDS:
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise MeasurementFailed(f"Ten batches of {RECORDS} did not end: {now}")
            if max(now) < RECORDS:
                gained = done([earlier])[0] - before
                if sum(now) > WORKSPACES * RECORDS * 0.2:
                    spreads.append((min(now), max(now)))
            if not late_seconds and sum(now) > WORKSPACES * RECORDS * 0.4:
                at, batch = time.perf_counter(), late.submit()
                while late.api.final(f"/orchestration/batches/{batch}")["batch"]["finishedAt"] is None:
                    pass
                late_seconds = time.perf_counter() - at
            time.sleep(0.1)
        return spreads, gained, late_seconds, time.perf_counter() - began


def measure() -> Json:
    """How far apart they are while all are under way, the share of the one before them, and how soon a small late batch is through."""
    with TemporaryServer(workers=2) as server:
        report.say("fairShares: twelve workspaces")
        tokens = asyncio.run(create_workspaces(server.database().owner_url, WORKSPACES + 2))
        sizes = [EARLIER, LATE, *[RECORDS] * WORKSPACES]
        huge, late, *ten = (_Tenant(server, token, size) for token, size in zip(tokens, sizes, strict=True))
        report.say("fairShares: ten batches at once")
        spreads, gained, late_seconds, seconds = _shares(server, ten, late, huge.submit())
        for tenant in (huge, late, *ten):
            tenant.api.close()
    if not spreads:
        raise MeasurementFailed("The ten batches were over before anybody could look.")
    worst = max(most / max(1, least) for least, most in spreads)
    share = gained / RECORDS
    return report.figure(
        [
            report.at_most("most records done of one of ten workspaces, in times the least", worst, 2),
            report.at_most("how many times the earlier batch's share is from theirs, either way", max(share, 1 / max(share, 0.01)), 2),
        ],
        {
            "earlierBatchShare": report.rounded(share),
            "secondsOfAll": report.rounded(seconds),
            "lateSmallBatchSeconds": report.rounded(late_seconds),
            "looks": len(spreads),
            "recordsPerSecond": report.rounded((WORKSPACES * RECORDS + gained) / seconds),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("fairShares", measure))
