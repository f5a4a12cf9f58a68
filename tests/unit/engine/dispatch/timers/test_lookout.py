"""The lookout: who looks for all whether something is due, and how the others wait."""

from __future__ import annotations

import asyncio
import math

from cargo_ai.engine.dispatch.timers.lookout import FOLLOWING, Lookout


def test_a_process_that_knows_of_no_other_looks_for_itself() -> None:
    lookout = Lookout()
    assert lookout.leads
    assert (lookout.patience, lookout.longest(5.0)) == (1, 5.0)


def test_who_follows_looks_seldom_or_not_at_all() -> None:
    lookout = Lookout()
    lookout.leads = False
    assert (lookout.patience, lookout.longest(5.0)) == (FOLLOWING, math.inf)


async def test_who_begins_to_lead_looks_at_once() -> None:
    lookout, event = Lookout(), asyncio.Event()
    lookout.leads = False
    waiting = asyncio.create_task(lookout.wait(event, lookout.longest(5.0)))
    await asyncio.sleep(0)
    lookout.leads = True
    await asyncio.wait_for(waiting, 10)
    assert event.is_set()


async def test_who_goes_on_to_lead_is_not_woken_again() -> None:
    lookout, event = Lookout(), asyncio.Event()
    waiting = asyncio.create_task(lookout.wait(event, 0.01))
    await asyncio.sleep(0)
    lookout.leads = True
    await waiting
    assert not event.is_set()


def test_only_who_leads_looks_again_when_notifications_were_missed() -> None:
    lookout, event = Lookout(), asyncio.Event()
    lookout.leads = False
    lookout.wake_leading(event)
    assert not event.is_set()
    lookout.leads = True
    lookout.wake_leading(event)
    assert event.is_set()
