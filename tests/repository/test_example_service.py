"""The example enrichment service: the same answers always, failures that pass, and an honest count of keys."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples import enrichment_service

SCRIPT = Path(enrichment_service.__file__)


@pytest.fixture
def service() -> Iterator[httpx.Client]:
    """A client of a service of its own, run as the documentation says."""
    with subprocess.Popen([sys.executable, SCRIPT, "--port", "0"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url, trust_env=False) as client:
            yield client
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def domain_answered(*statuses: int) -> str:
    """A domain whose first attempts are answered like this."""
    names = (f"company-{number}.example" for number in range(100_000))
    return next(name for name in names if all(enrichment_service.answer(name, at)[0] == status for at, status in enumerate(statuses, 1)))


def ask(service: httpx.Client, domain: str, key: str) -> httpx.Response:
    return service.get(f"/companies/{domain}", headers={"Idempotency-Key": key})


def test_it_says_the_same_about_a_domain_always(service: httpx.Client) -> None:
    domain = domain_answered(200)
    first, second = ask(service, domain, "a").json(), ask(service, domain, "b").json()
    assert first == second == enrichment_service.company(domain)
    assert set(first) == {"domain", "name", "industry", "employees", "country"}


def test_it_asks_for_patience_and_then_answers(service: httpx.Client) -> None:
    domain = domain_answered(429, 200)
    refused = ask(service, domain, "a")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert ask(service, domain, "a").status_code == 200


def test_a_failure_passes_for_who_repeats_with_the_same_key(service: httpx.Client) -> None:
    domain = domain_answered(500, 200)
    assert [ask(service, domain, "a").status_code for _ in range(2)] == [500, 200]
    assert ask(service, domain, "b").status_code == 500


def test_no_key_fails_more_often_than_it_says() -> None:
    fates = [[enrichment_service.answer(f"company-{number}.example", at)[0] for at in range(1, 6)] for number in range(2_000)]
    assert all(set(fate[enrichment_service.MAX_FAILURES :]) <= {200, 404} for fate in fates)
    assert {429, 500} <= {status for fate in fates for status in fate}


def test_it_counts_calls_and_keys(service: httpx.Client) -> None:
    good, broken = domain_answered(200), domain_answered(500, 200)
    ask(service, broken, "broken")
    ask(service, broken, "broken")
    ask(service, good, "good")
    ask(service, good, "good")
    assert service.get("/stats").json() == {
        "calls": 4,
        "distinctKeys": 2,
        "repeatedKeys": 2,
        "repeatedAfterAnswer": 1,
        "unansweredKeys": 0,
        "withoutKey": 0,
        "statuses": {"200": 3, "500": 1},
    }
