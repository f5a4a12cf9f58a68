"""Property: usage metrics are the sums of the ledger's transfers and charges by day and label, whatever is asked."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.context.context import Context
from cargo_ai.contract.billing.usage import GetMetrics
from cargo_ai.domains.billing.usage import get_metrics
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import charges, transfers
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.ledger.transfers import Transfer
from cargo_ai.server.compose import hooks
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import Database
from tests.kit.data.databases import Databases
from tests.kit.property_examples import examples

FIRST = date(2026, 1, 30)
UUIDS = [uuid.UUID(int=number) for number in range(1, 4)]
SLUGS = ["integration.hunter.action.findEmail", "integration.hunter.extractor.leads", "native.script"]
NAMES = ("workflow", "batch", "user", "connector", "model", "agent")
GROUPS = [None, "integration_slug", *(f"{name}_uuid" for name in NAMES)]
maybe_uuid = st.none() | st.sampled_from(UUIDS)


class Posting(NamedTuple):
    """A charge, or a part of one that is taken back."""

    label: dict[str, Any]
    day: int
    millionths: int
    back: bool


postings = st.lists(
    st.builds(
        Posting,
        st.fixed_dictionaries(
            {"slug": st.sampled_from(SLUGS), "integration": st.sampled_from([None, "hunter"])} | dict.fromkeys(NAMES, maybe_uuid)
        ),
        st.integers(0, 4),
        st.integers(1, 5_000_000),
        st.booleans(),
    ),
    max_size=12,
)
questions = st.fixed_dictionaries(
    {
        "first": st.integers(0, 4),
        "days": st.integers(0, 4),
        "group": st.sampled_from([None, "integration_slug", *(f"{n}_uuid" for n in NAMES)]),
    },
    optional={"slug": st.sampled_from(SLUGS), "integration": st.just("hunter")} | dict.fromkeys(NAMES, st.sampled_from(UUIDS)),
)


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


async def post(connection: Connection, workspace: uuid.UUID, all_postings: list[Posting]) -> None:
    """Half of the charges as the journal writes them. What of usage is taken back was charged before: the account must not go below 0."""
    overage = await transfers.account(connection, workspace, "overage")
    usage = await transfers.account(connection, workspace, "usage")
    reserve = Transfer(workspace, str(ids.new()), overage, usage, Decimal(1_000), "without a label")
    await transfers.post(connection, reserve)
    due: list[Charge] = []
    for posting in all_postings:
        label = Label(workspace, "billing.credits", **posting.label)
        amount = Decimal(posting.millionths).scaleb(-6)
        when = datetime.combine(day_of(posting.day), time(13), UTC)
        if posting.back or posting.millionths % 2:
            source, target = (usage, overage) if posting.back else (overage, usage)
            await transfers.post(connection, Transfer(workspace, str(ids.new()), source, target, amount, "test", label), when)
        else:
            due.append(Charge(label, when.date(), 1, amount, workspace))
    await charges.write(connection, due, ids.new(), 0, clock.now())


def expected(all_postings: list[Posting], question: dict[str, Any]) -> dict[tuple[date, str, str | None], Decimal]:
    """The answer by adding up every transfer."""
    sums: dict[tuple[date, str, str | None], Decimal] = defaultdict(Decimal)
    group = question["group"] and question["group"].rpartition("_")[0]
    for posting in all_postings:
        fits = all(posting.label[name] == question[name] for name in ("slug", "integration", *NAMES) if name in question)
        if fits and question["first"] <= posting.day <= question["first"] + question["days"]:
            value = posting.label[group] if group else None
            key = (day_of(posting.day), posting.label["slug"], None if value is None else str(value))
            sums[key] += Decimal(posting.millionths).scaleb(-6) * (-1 if posting.back else 1)
    return {key: total for key, total in sums.items() if total}


async def answer(database: Database, workspace: uuid.UUID, all_postings: list[Posting], asked: list[dict[str, Any]]) -> None:
    async with database.session(workspace) as db:
        await post(await driver_connection(db), workspace, all_postings)
        services: Any = SimpleNamespace(hooks=hooks())
        ctx = Context(_who(workspace), db, services, "", "")
        for question in asked:
            fields = {
                f"{name}{'_slug' if name == 'integration' else '' if name == 'slug' else '_uuid'}": str(value)
                for name, value in question.items()
                if name not in {"first", "days", "group"}
            }
            first, last = day_of(question["first"]), day_of(question["first"] + question["days"])
            reply = await get_metrics(ctx, GetMetrics(since=first, until=last, group_by=question["group"], **fields))  # type: ignore[arg-type]
            counted = {
                (metric.date.date(), item.slug, item.group_by): Decimal(str(item.count))
                for metric in reply.metrics
                for item in metric.items
            }
            wanted = expected(all_postings, question)
            assert counted == wanted
            assert Decimal(str(reply.total_usage)) == sum(wanted.values(), Decimal(0))


def _who(workspace: uuid.UUID) -> Any:
    from cargo_ai.context.context import Caller

    return Caller(workspace, workspace, workspace, "admin", ())


@pytest.mark.hypothesis
def test_metrics_are_the_sums_of_transfers(databases: Databases) -> None:
    with databases.lent() as url, asyncio.Runner() as runner:
        database = Database(url, pool_size=1, overflow=0)

        @settings(max_examples=examples(60))
        @given(postings, st.lists(questions, min_size=1, max_size=6))
        def check(all_postings: list[Posting], asked: list[dict[str, Any]]) -> None:
            runner.run(answer(database, ids.new(), all_postings, asked))

        try:
            check()
        finally:
            runner.run(database.close())
