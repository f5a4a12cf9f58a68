"""Top-ups: below the threshold, with what is pending first, once each, with brakes after a declined card and when they are too fast."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from decimal import Decimal

import pytest

from cargo_ai.domains.billing.payments.brake_email import TASK, BrakeMailer
from cargo_ai.domains.billing.payments.topup import AFTER_DECLINE, WITHIN, Topups
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.ledger import transfers
from cargo_ai.ledger.transfers import Transfer
from cargo_ai.store.driver import driver_connection, fetch
from tests.kit.api_client import Body
from tests.kit.peers.mail_server import mail_server
from tests.unit.domains.billing.payments.conftest import Shop

TOPUP: Body = {"enabled": True, "creditsCount": 500, "threshold": 100}


@pytest.fixture
async def buyer(shop: Shop) -> Shop:
    """Has a card, no credits, and wants 500 whenever fewer than 100 are left."""
    await shop.with_card()
    async with shop.state.database.session(shop.first.workspace_uuid) as db:
        await transfers.set_limit(await driver_connection(db), shop.first.workspace_uuid, "deny")
        await db.commit()
    subscription = (await shop.api.call("billing.subscription.updateTopup", **TOPUP))["subscription"]
    assert subscription["topup"] == {"creditsCount": 500, "threshold": 100}
    return shop


async def spend(shop: Shop, credits: int) -> None:
    async with shop.state.database.session(shop.first.workspace_uuid) as db:
        connection, workspace = await driver_connection(db), shop.first.workspace_uuid
        purchased = await transfers.account(connection, workspace, "purchased")
        usage = await transfers.account(connection, workspace, "usage")
        key = f"spend:{clock.now().isoformat()}"
        await transfers.post(connection, Transfer(workspace, key, purchased, usage, Decimal(credits), "test"))
        await db.commit()


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    when = clock.now() + by
    monkeypatch.setattr(clock, "now", lambda: when)


async def _jobs(shop: Shop) -> list[Body]:
    """The arguments of the jobs that write to admins, oldest first."""
    async with shop.state.database.session(shop.first.workspace_uuid) as db:
        query = "select args from procrastinate_jobs where task_name = %s order by id"
        return [row[0] for row in await fetch(await driver_connection(db), query, (TASK,))]


def payments(shop: Shop) -> list[str]:
    return [intent["status"] for intent in reversed(shop.control.of("payment_intent"))]


async def test_credits_are_bought_once_when_few_are_left_however_many_workers_look(buyer: Shop) -> None:
    await asyncio.gather(*(Topups(buyer.state.services).buy_due() for _ in range(4)))
    assert payments(buyer) == ["succeeded"]
    assert (await buyer.balance()).purchased == 500
    assert buyer.control.of("payment_intent")[0]["amount"] == 1000
    await buyer.deliver(*buyer.control.events, *buyer.control.events)
    assert (await buyer.balance()).purchased == 500
    await spend(buyer, 400)
    assert await Topups(buyer.state.services).buy_due() == 0  # 100 are left, which is not fewer than 100
    await spend(buyer, 1)
    assert await Topups(buyer.state.services).buy_due() == 1
    assert (await buyer.balance()).purchased == 599


async def test_what_is_being_bought_counts_and_is_asked_about_again_under_its_key(buyer: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    topups = Topups(buyer.state.services)
    buyer.control.is_down = True
    assert await topups.buy_due() == 1
    assert (await topups.buy_due(), payments(buyer)) == (0, [])
    buyer.control.is_down = False
    later(monkeypatch, timedelta(minutes=2))
    assert await topups.buy_due() == 1
    assert (payments(buyer), (await buyer.balance()).purchased) == (["succeeded"], 500)
    keys = {key for key in buyer.control.replies if key.startswith("topup:")}
    assert len(keys) == 1


async def test_a_declined_card_stops_them_for_an_hour_or_until_there_is_another(buyer: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    topups = Topups(buyer.state.services)
    buyer.control.declines = True
    assert await topups.buy_due() == 1
    await buyer.deliver(*buyer.control.events)
    assert "Top-ups pause until" in (await buyer.api.warnings("billing.subscription.get"))[0]
    later(monkeypatch, AFTER_DECLINE - timedelta(minutes=1))
    assert await topups.buy_due() == 0
    later(monkeypatch, timedelta(minutes=2))
    assert (await topups.buy_due(), len(payments(buyer))) == (1, 2)
    assert await topups.buy_due() == 0
    buyer.control.declines = False
    await buyer.with_card("pm_card_other")
    assert (await topups.buy_due(), payments(buyer)[-1]) == (1, "succeeded")


async def test_three_within_ten_minutes_are_the_most(buyer: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    topups = Topups(buyer.state.services)
    for _ in range(3):
        assert await topups.buy_due() == 1
        await spend(buyer, 500)
    assert (await topups.buy_due(), await topups.buy_due(), len(payments(buyer))) == (0, 0, 3)
    assert "Top-ups pause until" in (await buyer.api.warnings("billing.subscription.get"))[0]
    assert [job["cause"] for job in await _jobs(buyer)] == ["tooFast"]
    later(monkeypatch, WITHIN + timedelta(seconds=1))
    assert await topups.buy_due() == 1


async def test_admins_get_an_e_mail_when_top_ups_stop_and_those_refused_for_now_another_one_later(
    buyer: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer.control.declines = True
    assert await Topups(buyer.state.services).buy_due() == 1
    await buyer.deliver(*buyer.control.events)
    (job,) = await _jobs(buyer)
    async with mail_server() as mail:
        given = {"CARGO_AI_SMTP_HOST": "127.0.0.1", "CARGO_AI_SMTP_PORT": str(mail.port), "CARGO_AI_SMTP_TLS": "off"}
        services = dataclasses.replace(buyer.state.services, settings=Settings(given | {"CARGO_AI_SMTP_FROM": "cargo@acme.example"}))
        mailer = BrakeMailer(services)
        mail.says = lambda verb, _argument: "451 later" if verb == "RCPT" else None
        await mailer.send(**job)
        mail.says = lambda _verb, _argument: None
        _, later_job = await _jobs(buyer)
        assert (later_job["attempt"], len(later_job["admins"]), mail.emails) == (1, 1, [])
        await mailer.send(**later_job)
        (email,) = mail.emails
    text = email.message.get_content()
    assert email.recipients == later_job["admins"]
    assert "buys no more credits by itself until" in text and "Its card was declined: " in text and "update-payment-method" in text


async def test_a_late_success_counts_and_a_late_failure_does_not(buyer: Shop) -> None:
    topups = Topups(buyer.state.services)
    assert await topups.buy_due() == 1
    intent = buyer.control.of("payment_intent")[0]
    failed = buyer.control.tell("payment_intent.payment_failed", intent | {"status": "requires_payment_method"})
    await buyer.deliver(failed)
    assert ((await buyer.balance()).purchased, (await buyer.row()).paused_until) == (500, None)


async def test_top_ups_need_a_card_a_price_and_an_amount(shop: Shop) -> None:
    assert await shop.api.refused("billing.subscription.updateTopup", **TOPUP) == (404, "customerNotFound")
    await shop.api.call("billing.subscription.createPortalSession")
    assert await shop.api.refused("billing.subscription.updateTopup", **TOPUP) == (404, "paymentMethodNotFound")
    await shop.with_card()
    refused = await shop.api.refused("billing.subscription.updateTopup", **{**TOPUP, "creditsCount": 0})
    assert refused == (409, "subscriptionNotElligible")
    assert (await shop.api.call("billing.subscription.updateTopup", **TOPUP))["subscription"]["topup"]
    assert await Topups(shop.state.services).buy_due() == 0  # an unlimited workspace needs none
    off = (await shop.api.call("billing.subscription.updateTopup", **{**TOPUP, "enabled": False}))["subscription"]
    assert off["topup"] is None
