"""Credits and payments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from cargo_ai.kernel.configuration import prices
from cargo_ai.kernel.configuration.setting_kinds import Setting, credits_of, currency_of, number_of, prices_of, text


class BillingSettings:
    """What things cost, and how credits are sold."""

    title: ClassVar[str] = "Credits and payments"

    credits_per_execution = Setting[Decimal](
        "credits",
        Decimal(0),
        "What each node execution costs, whatever it does, besides what its action costs. Shown under the usage unit "
        "`orchestration.executions` only.",
        ("api", "worker"),
        credits_of,
        "0",
    )
    action_costs = Setting[Mapping[str, prices.Costs]](
        "action=credits, by comma",
        {},
        "What actions cost instead of what they declare: `hunter.findEmail=1` for each success, `hunter.searchDomain=0.1/emails` for each "
        "item of what comes back, `apolloio.searchPeople=5/10 records` for every ten begun, `openAi.tokens=1/1000 tokens` for those that "
        "answers of agents take of the installation's account. Calls with credentials of the connector are free. A price of what is not "
        "there is refused at the start.",
        ("api", "worker"),
        prices_of,
        "what actions declare",
    )
    shared_accounts_file = text(
        "A JSON file with the accounts of this installation, a config for each slug of an integration: a connector that is created without "
        "a config uses the one of its integration, and its calls cost credits.",
        ("api", "worker"),
        shown_default="no shared accounts",
    )
    credit_price_cents = Setting[float](
        "cents",
        0,
        "What a credit costs, in cents: on invoices, and where credits are sold.",
        ("api", "worker"),
        lambda name, raw: number_of(name, raw, 0),
        "0",
    )
    billing_currency = Setting[str](
        "currency",
        "usd",
        "The currency of invoices and of what is sold, by its three letters.",
        ("api", "worker"),
        currency_of,
        "usd",
    )
    new_workspace_credits = Setting[float | None](
        "credits",
        None,
        "How many credits a new workspace is given, once; without more, work that costs credits is refused when they are used up.",
        ("server", "api"),
        lambda name, raw: number_of(name, raw, 0),
        "no limit",
    )
    stripe_api_key = Setting[str](
        "text",
        "",
        "The secret key of an account at Stripe, with which credits are sold; without it, admins set budgets. Needs `cargo-ai[billing]`.",
        ("api", "worker"),
        lambda _, raw: raw,
        "credits are not sold",
        variable="STRIPE_API_KEY",
    )
    stripe_webhook_secret = Setting[str](
        "text",
        "",
        "The signing secret of the webhook `/v1/billing/stripe/webhook` at Stripe. Needed with STRIPE_API_KEY: payments arrive by it.",
        ("api",),
        lambda _, raw: raw,
        "none",
        variable="STRIPE_WEBHOOK_SECRET",
    )
