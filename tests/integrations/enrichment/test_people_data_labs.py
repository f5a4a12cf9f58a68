"""People Data Labs conforms, and keeps its peculiarities: no match is 404 and an answer, each record is charged, limits are in headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, Service, integrations, items_of
from cargo_ai.integrations.people_data_labs.client import PAGE, pages, reading
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.people_data_labs import server
from tests.simulators.people_data_labs.control import KEY, Control, Numbers, error
from tests.simulators.serving import Refused

Json = Any
AT_ACME = {"query": {"term": {"job_company_name": "acme"}}}
_LIST = {"query": {"query": {"term": {"job_company_name": "acme"}}}}


def _error(status: int, sentence: str) -> Json:
    # A 404 of another kind than "no match", such as that of a wrong address.
    return error(status, sentence, "no_such_endpoint" if status == 404 else "")


def _charged(control: Control) -> Json:
    return dict(control.charged)


def _fill(control: Control, count: int) -> list[str]:
    control.people.clear()
    return [control.add_person(f"person {number}", f"p{number}@acme.example") for number in range(count)]


async def _ids(service: Service) -> AsyncIterator[str]:
    async for record in items_of(pages(service, "/person/search", _LIST, 10_000)):
        yield record["id"]


SUBJECT = Subject(
    slug="peopleDataLabs",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000)),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "0" * 64},
    secret=KEY,
    error=_error,
    examples={
        "enrichPerson": Example(
            config={"email": "ada@acme.example", "titlecase": True},
            effect=_charged,
        ),
        "enrichCompany": Example(config={"website": "acme.example", "country": "united kingdom"}, effect=_charged),
        "searchPeople": Example(
            config={**AT_ACME, "limit": 2},
            effect=_charged,
            rejected={"query": {"term": {"shoe_size": "42"}}},
            says="Unknown field shoe_size",
        ),
        "searchCompanies": Example(
            config={"sql": "SELECT * FROM company WHERE name='acme'"},
            effect=_charged,
            rejected={"sql": "SELECT * FROM company WHERE name='acme' LIMIT 5"},
            says="Malformed sql",
        ),
        "queryCompanies": Example(config={"query": "SELECT * FROM company WHERE name='acme'", "limit": 5}, effect=_charged),
    },
    listings=(Listing(name="search", size=PAGE, fill=_fill, read=_ids),),
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["peopleDataLabs"].action(slug)
    assert action is not None
    return action


class TestPeopleDataLabs(IntegrationConformance):
    """Two people and a company in a simulator whose limits are out of the way."""

    subject = SUBJECT

    async def test_a_match_comes_with_how_sure_it_is_and_what_it_cost(self, harness: Harness) -> None:
        done = await harness.done(_action("enrichPerson"), {"firstName": "Ada", "lastName": "Lovelace", "company": "acme"})
        assert (done.output["found"], done.output["likelihood"], done.output["data"]["work_email"]) == (True, 8, "ada@acme.example")
        assert (done.output["creditsSpent"], done.output["creditsRemaining"]) == (1, 9_999)

    async def test_a_company_stands_beside_the_status_and_is_given_alike(self, harness: Harness) -> None:
        done = await harness.done(_action("enrichCompany"), {"website": "acme.example"})
        assert done.output["data"]["name"] == "acme" and done.output["likelihood"] == 8 and "status" not in done.output["data"]

    @pytest.mark.parametrize(
        ("slug", "config"),
        [("enrichPerson", {"email": "nobody@acme.example"}), ("enrichPerson", {"email": "ada@acme.example", "minLikelihood": 9})],
    )
    async def test_no_match_is_an_answer_that_costs_nothing(self, harness: Harness, slug: str, config: dict[str, Json]) -> None:
        done = await harness.done(_action(slug), config)
        assert (done.output["found"], done.output["data"], done.output["creditsSpent"]) == (False, None, 0)
        assert harness.control.charged == {} and not _action(slug).may_repeat(done)

    async def test_a_search_that_finds_nothing_is_an_answer(self, harness: Harness) -> None:
        done = await harness.done(_action("searchPeople"), {"query": {"query": {"term": {"job_company_name": "nowhere"}}}})
        assert (done.output["records"], done.output["scrollToken"], done.output["creditsSpent"]) == ([], None, 0)

    async def test_enough_to_go_by_is_asked_for_before_anything_is_sent(self, harness: Harness) -> None:
        person = await harness.failed(_action("enrichPerson"), {"name": "Ada Lovelace", "company": " "})
        company = await harness.failed(_action("enrichCompany"), {"country": "france"})
        search = await harness.failed(_action("searchPeople"), {**AT_ACME, "sql": "SELECT * FROM person WHERE id='x'"})
        assert "`company`" in person.message and "`website`" in company.message and "either `query` or `sql`" in search.message
        assert harness.control.sent() == []

    async def test_a_search_reads_no_more_than_is_wanted_and_can_be_continued(self, harness: Harness) -> None:
        ids = _fill(harness.control, PAGE + 20)
        first = await harness.done(_action("searchPeople"), {**AT_ACME, "limit": PAGE + 5})
        assert [seen.body["size"] for seen in harness.control.sent()] == [PAGE, 5]
        assert (first.output["count"], first.output["total"], first.output["creditsSpent"]) == (PAGE + 5, PAGE + 20, PAGE + 5)
        rest = await harness.done(_action("searchPeople"), {**AT_ACME, "limit": 500, "scrollToken": first.output["scrollToken"]})
        assert [record["id"] for record in (*first.output["records"], *rest.output["records"])] == ids
        assert rest.output["scrollToken"] is None and harness.control.charged == {"search": PAGE + 20}

    async def test_what_was_paid_for_is_not_lost_when_a_later_page_fails(self, harness: Harness) -> None:
        _fill(harness.control, 2 * PAGE)
        harness.control.fail(holding="scroll_token", status=500, body=error(500, "Broken."))
        done = await harness.done(_action("searchPeople"), {**AT_ACME, "limit": 2 * PAGE})
        assert done.output["count"] == PAGE and done.output["scrollToken"] and "Broken" in done.warnings[0]
        assert not _action("searchPeople").may_repeat(done)

    async def test_credits_that_are_used_up_fail_with_what_to_do(self, harness: Harness) -> None:
        harness.control.credits = 0
        failure = await harness.failed(_action("enrichPerson"), {"email": "ada@acme.example"})
        assert (failure.reason, failure.transient) == ("planLimit", False) and "buy some" in failure.message

    async def test_calls_that_come_too_fast_wait_until_the_minute_ends(self, harness: Harness) -> None:
        headers = {"x-ratelimit-reset": "2999-01-01T00:00:00Z"}
        harness.control.fail(status=429, headers=headers, body=error(429, "Too quick."))
        failure = await harness.failed(_action("enrichPerson"), {"email": "ada@acme.example"})
        assert failure.transient and failure.retry_after == 3_600

    async def test_fields_are_chosen(self, harness: Harness) -> None:
        await harness.done(_action("searchPeople"), {**AT_ACME, "dataInclude": ["id", "-skills"], "titlecase": True})
        body = harness.control.sent()[0].body
        assert (body["data_include"], body["titlecase"], body["size"]) == ("id,-skills", True, 10)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_is_left_of_a_minute_is_read_from_the_headers(quote: str) -> None:
    def counted(count: int) -> str:
        return f"{{{quote}minute{quote}: {count}, {quote}day{quote}: null}}"

    read = reading({"x-ratelimit-remaining": counted(7), "x-ratelimit-limit": counted(10), "x-ratelimit-reset": "2999-01-01T00:00:00Z"})
    assert read is not None and (read.remaining, read.limit, read.opens_in) == (7, 10, 3_600.0)
    assert reading({"x-ratelimit-remaining": "none"}) is None


def test_the_simulator_takes_ten_searches_a_minute() -> None:
    control = Control()
    with pytest.raises(Refused):
        for _ in range(21):  # a minute of the clock may end meanwhile
            control.admit("/person/search", control.numbers.search)
