"""Requests made from /openapi.json, right and wrong, for every operation of a real server: it never fails and answers as it declares."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, cast

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, strategies
from schemathesis import GenerationMode
from schemathesis.core import failures
from schemathesis.specs.openapi import checks

from tests.contract.things import things_of, uuid_of
from tests.kit.api_client import ApiClient
from tests.kit.processes.real_server import RealServer, real_server

pytestmark = pytest.mark.slow

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
"""By turns, one operation after the other: with what it declares, and with what it does not."""
LIBRARY: Any = schemathesis
DECLARED: Any = checks
"""The library's own types are generic in what cannot be named."""
CHECKS = [DECLARED.status_code_conformance, DECLARED.content_type_conformance, DECLARED.response_schema_conformance]
"""A 500 is in no document; 502 and 503 are where a service that was named, or the database, does not answer."""
MAX_SHOWN = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    unlimited = dict.fromkeys(("TOKEN_REQUESTS_PER_MINUTE", "ADDRESS_REQUESTS_PER_MINUTE", "MAX_WORKSPACES"), "0")
    with real_server(tmp_path_factory.mktemp("server"), workers=1, STRICT_REFUSALS="1", **unlimited) as running:
        yield running


def test_no_request_makes_the_server_fail_or_answer_what_it_does_not_declare(server: RealServer) -> None:
    schema = LIBRARY.openapi.from_dict(server.client.get("/openapi.json").json())
    things = asyncio.run(_things(server))
    problems: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for position, result in enumerate(schema.get_all_operations()):
            problems += _problems_of(server, session, result.ok(), MODES[position % 2], things)
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:MAX_SHOWN])


async def _things(server: RealServer) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=server.base_url, headers={"Authorization": f"Bearer {server.token}"}, timeout=60) as http:
        return await things_of(ApiClient(http))


def _problems_of(
    server: RealServer, session: requests.Session, operation: Any, mode: GenerationMode, things: Mapping[str, str]
) -> list[str]:
    """What is wrong with the response to a request, the same one each time; about a thing that is there, or any."""
    problems: dict[str, str] = {}
    name: str = operation.definition.raw["operationId"]

    @hypothesis.settings(
        max_examples=1,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), strategies.integers(0, 3))
    def ask(case: Any, about: int) -> None:
        if about:
            _name_things(case, name.split(".")[-2:][0], things)
        # Wrong tokens are tried elsewhere: each would be kept waiting.
        case.headers["Authorization"] = f"Bearer {server.token}"
        response = case.call(f"{server.base_url}/v1", session, timeout=60)
        for problem in _faults(case, response):
            request = f"{name} {case.path_parameters} {str(case.query or '')[:200]} {str(case.body or '')[:300]}"
            problems.setdefault(problem, f"{request}: {response.status_code} {problem} {response.text[:300]}")

    ask()
    return list(problems.values())


def _name_things(case: Any, noun: str, things: Mapping[str, str]) -> None:
    """Put uuids of things that are there where the request names some."""
    for part in (case.path_parameters, case.query, case.body):
        fields = cast("dict[str, object]", part) if isinstance(part, dict) else {}
        for field, value in fields.items():
            if isinstance(value, str) and field.lower().endswith("uuid"):
                fields[field] = uuid_of(field, noun, things)


def _faults(case: Any, response: Any) -> list[str]:
    try:
        case.validate_response(response, checks=CHECKS)
    except failures.FailureGroup as group:
        return [f"{type(failure).__name__}: {str(failure)[:600]}" for failure in group.exceptions]
    except failures.Failure as failure:
        return [f"{type(failure).__name__}: {str(failure)[:600]}"]
    return []
