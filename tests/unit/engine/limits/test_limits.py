"""Limits: several workers on one database never pass a limit, ask it rarely, and what one is answered holds for all."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text

from cargo_ai.engine.limits import line, table
from cargo_ai.engine.limits.limits import Limits
from cargo_ai.engine.limits.policy import CallShape, Headers, Owner, Policy, Strategy
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

ME = Owner("connector:1")
CALL = CallShape("upsert", "POST", "/things")


@pytest.fixture
async def databases(database_url: str) -> AsyncIterator[list[Database]]:
    """Three workers' pools on one database."""
    made = [Database(database_url, pool_size=2, overflow=0) for _ in range(3)]
    yield made
    for one in made:
        await one.close()


def statements(database: Database) -> list[str]:
    """What it is asked from now on."""
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    return asked


@pytest.mark.parametrize("strategy", ["spread", "burst"])
async def test_several_workers_together_never_pass_the_limit(databases: list[Database], strategy: Strategy) -> None:
    policies = [Policy(40, 1.0, strategy=strategy)]
    grants: list[tuple[float, float]] = []

    async def caller(limits: Limits, patience: float) -> None:
        while len(grants) < 100:
            began = clock.seconds()
            wait = await limits.admit(ME, policies, CALL, patience)
            if wait == 0:
                grants.append((began, clock.seconds()))
            else:
                await asyncio.sleep(min(wait, 0.5))

    workers = [Limits(database) for database in databases]
    await asyncio.gather(*(caller(limits, patience) for limits in workers for patience in (0.0, 2.0) for _ in range(10)))
    # A grant was given at some time between its request and its arrival, however long a busy machine took for either.
    for start, _ in grants:
        assert sum(start <= began and ended <= start + 0.95 for began, ended in grants) <= 40


async def test_a_call_is_counted_by_all_its_policies_or_by_none(databases: list[Database]) -> None:
    policies = [Policy(3, 60.0, "search", strategy="burst"), Policy(5, 60.0, strategy="burst")]
    limits = Limits(databases[0])
    searches = [await limits.admit(ME, policies, CallShape("search")) for _ in range(6)]
    assert [wait == 0 for wait in searches] == [True] * 3 + [False] * 3
    others = [await limits.admit(ME, policies, CALL) for _ in range(4)]
    assert [wait == 0 for wait in others] == [True] * 2 + [False] * 2


async def test_connectors_of_one_account_share_what_is_counted_by_account(databases: list[Database]) -> None:
    policies = [Policy(2, 60.0, scope="account", strategy="burst"), Policy(1, 60.0, scope="resource", strategy="burst")]
    first, second = (Owner(f"connector:{number}", "account:x") for number in (1, 2))
    limits = [Limits(database) for database in databases[:2]]
    assert await limits[0].admit(first, policies, CallShape("post", resource="general")) == 0
    assert await limits[1].admit(second, policies, CallShape("post", resource="general")) > 50
    assert await limits[1].admit(second, policies, CallShape("post", resource="random")) == 0
    assert await limits[0].admit(first, policies, CallShape("post", resource="third")) > 50


async def test_callers_who_come_together_are_served_in_few_rounds(databases: list[Database]) -> None:
    limits, policies, asked = Limits(databases[0]), [Policy(1000, 1.0, strategy="burst")], statements(databases[0])
    waits = await asyncio.gather(*(limits.admit(ME, policies, CALL) for _ in range(500)))
    assert waits == [0.0] * 500
    assert 1 <= len(asked) <= 10


async def test_callers_who_come_one_after_the_other_do_not_each_ask_the_database(databases: list[Database]) -> None:
    limits, policies, asked = Limits(databases[0]), [Policy(100_000, 10.0, strategy="burst")], statements(databases[0])
    began = clock.seconds()
    for _ in range(500):
        assert await limits.admit(ME, policies, CALL) == 0
    # Where few come in a tenth of a second, on a busy machine, more of them ask.
    assert len(asked) < 250 + 50 * (clock.seconds() - began)


async def test_those_who_wait_are_reported_different_times(databases: list[Database]) -> None:
    limits, policies = Limits(databases[0]), [Policy(2, 1.0)]
    waits = sorted(await asyncio.gather(*(limits.admit(ME, policies, CALL) for _ in range(6))))
    assert waits[0] == 0.0
    assert all(0.4 < later - sooner < 0.65 for sooner, later in itertools.pairwise(waits[1:]))


async def test_those_who_wait_in_line_go_in_their_order_and_hardly_ask_the_database(databases: list[Database]) -> None:
    limits, policies, asked = Limits(databases[0]), [Policy(50, 1.0)], statements(databases[0])
    went: list[int] = []

    async def caller(number: int) -> None:
        assert await limits.admit(ME, policies, CALL, 5.0) == 0
        went.append(number)

    began = clock.seconds()
    await asyncio.gather(*(caller(number) for number in range(60)))
    took = clock.seconds() - began
    assert went == list(range(60))
    assert len(asked) <= 2 * (took / 0.1 + 2)


async def test_while_a_day_is_used_up_the_database_is_asked_a_few_times_a_second(databases: list[Database]) -> None:
    limits, policies = Limits(databases[0]), [Policy.per("day", 1, "burst")]
    assert await limits.admit(ME, policies, CALL) == 0.0
    asked, began = statements(databases[0]), clock.seconds()
    waits = [await limits.admit(ME, policies, CALL) for _ in range(3)]
    waits += await asyncio.gather(*(limits.admit(ME, policies, CALL) for _ in range(300)))
    assert all(wait > 400 for wait in waits)
    assert len(asked) <= 2 * ((clock.seconds() - began) / 0.1 + 2)
    assert limits.why(ME, policies, CALL).startswith("rate limit: the one call of a day is used, and the next may go at ")


async def test_a_closed_bucket_is_closed_for_all_workers(databases: list[Database]) -> None:
    policies = [Policy(50, 1.0)]
    first, second = Limits(databases[0]), Limits(databases[1])
    assert await second.admit(ME, policies, CALL) == 0
    await first.observe(ME, policies, CALL, {"Retry-After": "120"}, 429)
    for limits in (first, second):
        assert 110 < await limits.admit(ME, policies, CALL, 1.0) < 125
    assert second.why(ME, policies, CALL).startswith("rate limit: the service takes no more calls until ")


async def test_another_user_of_the_account_is_noticed_by_the_headers(databases: list[Database]) -> None:
    policies = [Policy(100, 60.0, strategy="burst", headers=Headers("x-limit", "x-left", "x-reset"))]
    first, second = Limits(databases[0]), Limits(databases[1])
    assert await first.admit(ME, policies, CALL) == 0
    await first.observe(ME, policies, CALL, {"X-Limit": "100", "X-Left": "5", "X-Reset": "40"}, 200)
    await _until_room(databases[2], 5)
    waits = await asyncio.gather(*(second.admit(ME, policies, CALL) for _ in range(10)))
    assert sorted(waits)[:5] == [0.0] * 5
    assert 35 < sorted(waits)[5] < 41


async def _until_room(database: Database, count: int) -> None:
    """Wait until this many of 100 calls are left."""
    query = text("select 100 - sum((m ->> 2)::int) from rate_buckets, jsonb_array_elements(marks) m")
    async with asyncio.timeout(10), database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        left = -1
        while left != count:
            await asyncio.sleep(0.01)
            left = await connection.scalar(query)


async def test_own_traffic_is_not_taken_for_that_of_others_and_slots_for_no_one_are_given_back(databases: list[Database]) -> None:
    policies = [Policy(100, 60.0, strategy="burst", headers=Headers("x-limit", "x-left", "x-reset"))]
    limits = Limits(databases[0])
    for number in range(20):
        assert await limits.admit(ME, policies, CALL) == 0
        await limits.observe(ME, policies, CALL, {"x-limit": "100", "x-left": str(99 - number), "x-reset": "40"}, 200)
    await _until_room(databases[2], 80)


async def test_what_a_worker_held_when_it_died_is_free_after_a_window(databases: list[Database]) -> None:
    policies = [Policy(20, 1.0, strategy="burst")]
    dying = Limits(databases[0])
    waits = await asyncio.gather(*(dying.admit(ME, policies, CALL) for _ in range(30)))
    assert waits.count(0.0) == 20
    await databases[0].close()
    began = clock.seconds()
    waits = await asyncio.gather(*(Limits(databases[1]).admit(ME, policies, CALL, 5.0) for _ in range(20)))
    # Not sooner than after the window; a busy machine may take its time for them then.
    assert waits == [0.0] * 20
    assert clock.seconds() - began > 0.8


async def test_callers_who_go_away_leave_their_slots_to_the_next_one(databases: list[Database]) -> None:
    limits, policies = Limits(databases[0]), [Policy(4, 1.0)]
    first, *others, last = [asyncio.create_task(limits.admit(ME, policies, CALL, 60.0)) for _ in range(60)]
    assert await first == 0
    for caller in others:
        caller.cancel()
    # Behind all of them it would be its turn after a quarter of a minute.
    assert await asyncio.wait_for(last, 10) == 0


async def test_a_database_that_fails_is_reported_to_every_caller_and_the_next_one_asks_again(databases: list[Database]) -> None:
    limits, policies = Limits(databases[0]), [Policy(100, 1.0, strategy="burst")]
    async with databases[1].engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE rate_buckets RENAME TO gone")
    outcomes = await asyncio.gather(*(limits.admit(ME, policies, CALL) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    async with databases[1].engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE gone RENAME TO rate_buckets")
    assert await limits.admit(ME, policies, CALL) == 0.0


async def test_callers_who_come_while_the_last_call_is_given_away_are_sent_away_at_once(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's answer says that the next call is an hour away: those whom it is not about must not wait until then."""
    limits, policies = Limits(databases[0]), [Policy(1, 3600.0, strategy="burst")]
    asked, may_answer = asyncio.Event(), asyncio.Event()
    decide = table.decide

    async def decide_late(*arguments: Any) -> Any:
        answer = await decide(*arguments)
        asked.set()
        await may_answer.wait()
        return answer

    monkeypatch.setattr(table, "decide", decide_late)
    # Else the call that went is reported as a late one, with which the others would be asked about, too.
    monkeypatch.setattr(line, "NOTABLE_SECONDS", 60.0)
    first = [asyncio.create_task(limits.admit(ME, policies, CALL, 2.0)) for _ in range(2)]
    await asked.wait()
    later = [asyncio.create_task(limits.admit(ME, policies, CALL, 2.0)) for _ in range(3)]
    for _ in range(20):  # until they are in the line
        await asyncio.sleep(0)
    may_answer.set()
    went, *others = await asyncio.wait_for(asyncio.gather(*first, *later), 20)
    assert went == 0 and all(wait > 400 for wait in others)
