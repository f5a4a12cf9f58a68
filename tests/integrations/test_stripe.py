"""Stripe conforms; its lists come the newest first, a repeated write is recognised, and models follow its events."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cargo_ai.integrations.kit import CallShape, ConnectorAction, Extractor, integrations
from cargo_ai.integrations.stripe.client import POLICIES, VERSION, found, listed
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.stripe import server
from tests.simulators.stripe.control import EVENTS, KEY, PREFIXES, Control

Json = Any
PATHS = {"Customer": "customer", "Subscription": "subscription", "Invoice": "invoice", "Charge": "charge"}


def _error(status: int, sentence: str) -> Json:
    return {"error": {"type": "api_error" if status >= 500 else "invalid_request_error", "message": sentence}}


def _customers(control: Control) -> Json:
    return [
        {name: customer.get(name) for name in ("email", "name", "phone", "description", "metadata")}
        for customer in control.of_kind("customer")
    ]


def _reads() -> dict[str, Example]:
    examples: dict[str, Example] = {}
    for name, kind in PATHS.items():
        examples[f"get{name}"] = Example(
            config={"id": f"{PREFIXES[kind]}_000001"}, given=lambda control, kind=kind: control.add(kind), effect=_customers
        )
        examples[f"list{name}s"] = Example(
            config={"createdAfter": "2020-01-01", "limit": 3}, given=lambda control, kind=kind: control.add(kind)
        )
        examples[f"search{name}s"] = Example(
            config={"query": "metadata['plan']:'pro'"}, given=lambda control, kind=kind: control.add(kind, metadata={"plan": "pro"})
        )
    return examples


def _extraction(kind: str) -> Extraction:
    removes = kind not in ("subscription", "charge")
    return Extraction(
        config={},
        size=100,
        fill=lambda control, count: control.fill(kind, count),
        change=lambda control, uid: control.change(uid, description="Changed"),
        remove=(lambda control, uid: control.remove(uid)) if removes else None,
    )


ADA: dict[str, Json] = {"email": "ada@example.com", "name": "Ada", "metadata": {"plan": "pro", "seats": 3}, "address": {"city": "London"}}
SUBJECT = Subject(
    slug="stripe",
    running=lambda: server.running(per_second=100_000),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "rk_test_of_another_account"},
    secret=KEY,
    error=_error,
    examples={
        **_reads(),
        "createCustomer": Example(config=ADA, effect=_customers, rejected={**ADA, "more": {"colour": "red"}}, says="colour"),
        "updateCustomer": Example(
            config={"id": "cus_000001", **ADA},
            given=lambda control: control.add("customer", phone="+44 1"),
            effect=_customers,
            rejected={"id": "cus_000001", "more": {"colour": "red"}},
            says="colour",
            nulls={"id": "cus_000001", **ADA, "phone": None, "name": ""},
        ),
    },
    listings=(
        Listing(
            name="list",
            size=100,
            fill=lambda control, count: control.fill("charge", count),
            read=lambda service: (str(item["id"]) async for item in listed(service, "/charges", {})),
        ),
        Listing(
            name="search",
            size=100,
            fill=lambda control, count: control.fill("charge", count),
            read=lambda service: (str(item["id"]) async for item in found(service, "/charges", "status:'succeeded'")),
        ),
    ),
    extractions={f"{kind}s": _extraction(kind) for kind in PREFIXES},
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["stripe"].action(slug)
    assert action is not None
    return action


def _extractor(slug: str) -> Extractor:
    return next(extractor for extractor in integrations()["stripe"].extractors if extractor.slug == slug)


class TestStripe(IntegrationConformance):
    """An account in a simulator whose limits are out of the way."""

    subject = SUBJECT

    async def test_a_list_ends_at_its_limit_and_says_that_there_are_more(self, harness: Harness) -> None:
        ids = harness.control.fill("charge", 250)
        done = await harness.done(_action("listCharges"), {"limit": 150})
        assert [item["id"] for item in done.output["items"]] == ids[:150] and done.output["hasMore"]
        done = await harness.done(_action("listCharges"), {"limit": 250})
        assert (done.output["count"], done.output["hasMore"]) == (250, False)

    async def test_lists_are_narrowed(self, harness: Harness) -> None:
        control = harness.control
        old, ada = control.add("customer", ago=90 * 86_400, email="ada@example.com"), control.add("customer", email="ada@example.com")
        control.add("customer", email="bob@example.com")
        config = {"email": "ada@example.com", "createdAfter": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))}
        assert [item["id"] for item in (await harness.done(_action("listCustomers"), config)).output["items"]] == [ada["id"]]
        before = {**config, "createdAfter": "", "createdBefore": config["createdAfter"]}
        assert [item["id"] for item in (await harness.done(_action("listCustomers"), before)).output["items"]] == [old["id"]]
        failure = await harness.failed(_action("listCustomers"), {"createdAfter": "soon"})
        assert "createdAfter" in failure.message

    async def test_a_repeated_customer_is_the_same_and_another_under_its_key_is_refused(self, harness: Harness) -> None:
        key = harness.new_key()
        first, again = [await harness.done(_action("createCustomer"), ADA, key) for _ in range(2)]
        assert first.output["recordId"] == again.output["recordId"] and len(harness.control.of_kind("customer")) == 1
        assert harness.control.of_kind("customer")[0]["metadata"] == {"plan": "pro", "seats": "3"}
        failure = await harness.failed(_action("createCustomer"), {"email": "bob@example.com"}, key)
        assert failure.reason == "conflict" and not failure.transient

    async def test_values_are_cleared_only_on_request(self, harness: Harness) -> None:
        customer = harness.control.add("customer", email="ada@example.com", phone="+44 1", metadata={"plan": "pro", "old": "1"})
        config = {"id": customer["id"], "phone": None, "metadata": {"old": None}}
        skipped = await harness.done(_action("updateCustomer"), config)
        assert skipped.output["operation"] == "skipped" and harness.control.sent() == []
        await harness.done(_action("updateCustomer"), {**config, "writeNulls": True})
        kept = harness.control.objects[customer["id"]]
        assert (kept["phone"], kept["metadata"], kept["email"]) == (None, {"plan": "pro"}, "ada@example.com")

    async def test_a_permission_that_a_restricted_key_lacks_is_named(self, harness: Harness) -> None:
        harness.control.permitted = frozenset({"customers"})
        failure = await harness.failed(_action("listCharges"), {})
        assert failure.reason == "forbidden" and "permission" in failure.message

    async def test_an_object_that_is_locked_is_waited_for(self, harness: Harness) -> None:
        for status, code, reason in ((429, "lock_timeout", "rateLimited"), (409, "idempotency_key_in_use", "locked")):
            body = {"error": {"type": "invalid_request_error", "code": code, "message": "Locked."}}
            harness.control.fail(method="POST", status=status, times=9, body=body)
            failure = await harness.failed(_action("createCustomer"), ADA)
            assert failure.transient and failure.reason == reason and failure.retry_after is not None
            harness.control.reset()

    async def test_calls_name_the_pinned_version_and_carry_no_key_in_their_address(self, harness: Harness) -> None:
        await harness.done(_action("listCharges"), {})
        assert all(KEY not in seen.query for seen in harness.control.sent()) and VERSION.endswith(".clover")

    async def test_events_of_several_pages_come_in_their_order(self, harness: Harness) -> None:
        control, extractor = harness.control, _extractor("customers")
        ids = control.fill("customer", 3)
        bookmark = (await harness.extract(extractor, {}))[-1].cursor
        for number in range(230):
            control.change(ids[number % 2], name=f"Name {number}")
        control.remove(ids[1])
        late = control.add("customer", name="Late")["id"]
        pages = await harness.extract(extractor, {}, bookmark)
        kept: dict[str, Json] = {}
        for page in pages:
            kept |= {record["id"]: record["name"] for record in page.records}
            for uid in page.removed:
                kept.pop(uid, None)
        assert len(pages) == 3 and kept == {ids[0]: "Name 228", late: "Late"}

    async def test_a_later_sync_goes_on_where_nothing_more_can_come_before(self, harness: Harness) -> None:
        control, extractor = harness.control, _extractor("customers")
        (uid,) = control.fill("customer", 1)
        control.change(uid, ago=600, name="Settled")
        bookmark = (await harness.extract(extractor, {}))[-1].cursor
        control.change(uid, ago=300, name="Also settled")
        control.change(uid, name="Just now")
        again = (await harness.extract(extractor, {}, bookmark))[-1]
        assert [record["name"] for record in again.records] == ["Just now"]
        assert again.cursor is not None and again.cursor["mark"] == control.events[1]["id"]

    async def test_a_model_that_was_not_synced_for_a_month_is_read_as_a_whole(self, harness: Harness) -> None:
        harness.control.fill("customer", 2)
        pages = await harness.extract(_extractor("customers"), {}, {"mark": "evt_gone", "since": "2026-01-01T00:00:00+00:00"})
        assert len(pages[0].records) == 2

    async def test_fields_that_have_moved_are_found_in_both_places(self, harness: Harness) -> None:
        now = int(time.time())
        item = {"price": {"id": "price_1", "product": "prod_1", "unit_amount": 900, "recurring": {"interval": "month"}}, "quantity": 2}
        harness.control.add("subscription", items={"data": [{**item, "current_period_end": now}]})
        harness.control.add("subscription", items={"data": [item]}, current_period_end=now)
        (page,) = await harness.extract(_extractor("subscriptions"), {})
        assert len({record["current_period_end"] for record in page.records}) == 1
        assert page.records[0]["price"] == "price_1" and page.records[0]["interval"] == "month"

    def test_calls_are_counted_by_endpoint(self) -> None:
        policy = POLICIES[1]
        assert policy.resource is not None
        names = [
            policy.resource(CallShape("", "GET", path))
            for path in ("/customers", "/customers/cus_1", "/customers/cus_2", "/customers/search")
        ]
        assert len(set(names)) == 3 and names[1] == names[2]
        assert set(EVENTS) == set(PREFIXES)


def test_the_simulator_takes_as_many_calls_in_a_second_as_it_says() -> None:
    control = Control(2)
    control.admit()
    control.admit()
    with pytest.raises(Exception, match="rate limit"):
        control.admit()
