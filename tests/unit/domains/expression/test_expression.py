"""An expression is tried on its own, by real requests."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from cargo_ai.expression.sandbox.host import refusal

START = {"email": "Jane@Acme.com", "n": 21, "nul": None}


async def evaluated(client: httpx.AsyncClient, expression: Any, **variables: Any) -> httpx.Response:
    body = {"expression": expression, "variables": variables or {"nodes": {"start": START}}}
    return await client.post("/v1/expression/expressions/evaluate", json=body)


def template(text: str) -> dict[str, str]:
    return {"kind": "templateExpression", "expression": text, "instructTo": "none"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (template("{{nodes.start.n}}"), {"data": 21}),
        (template("{{nodes.start.nul}}"), {"data": None}),
        (template("Hi {{nodes.start.email}}"), {"data": "Hi Jane@Acme.com"}),
        ({"kind": "jsExpression", "expression": "nodes.start.n > 20", "instructTo": "none"}, {"data": True}),
    ],
)
async def test_an_expression_gives_its_value(client: httpx.AsyncClient, expression: Any, expected: Any) -> None:
    reply = await evaluated(client, expression)
    assert (reply.status_code, reply.json()) == (200, expected)


async def test_javascript_is_evaluated_in_the_sandbox(client: httpx.AsyncClient) -> None:
    reply = (await evaluated(client, template("{{nodes.start.email.split('@')[1].toLowerCase()}}"))).json()
    if refusal("javascript"):
        assert "cannot run on this server" in reply["errorMessage"]
    else:
        assert reply == {"data": "acme.com"}


async def test_what_fails_is_reported_and_is_no_error_of_the_request(client: httpx.AsyncClient) -> None:
    reply = await evaluated(client, template("{{nodes.start.}}"))
    assert reply.status_code == 200
    assert set(reply.json()) == {"errorMessage"} and "is not valid JavaScript" in reply.json()["errorMessage"]


async def test_a_missing_path_comes_back_as_a_warning(client: httpx.AsyncClient) -> None:
    reply = await evaluated(client, template("{{nodes.start.nope}}"))
    assert reply.json() == {"data": None}
    assert json.loads(reply.headers["x-cargo-warnings"]) == ["nodes.start.nope is undefined."]


async def test_other_names_can_be_given(client: httpx.AsyncClient) -> None:
    reply = await evaluated(client, {"kind": "jsExpression", "expression": "record.a", "instructTo": "none"}, record={"a": 1})
    assert reply.json() == {"data": 1}


async def test_names_that_javascript_cannot_have_are_harmless(client: httpx.AsyncClient) -> None:
    variables = {"a){}, (function(b": 1, "class": 2, "x\ty\n": 3, "$path$": 4, "eval": 5, "good": 6}
    reply = (await evaluated(client, template("{{good * 7}}"), **variables)).json()
    assert reply == {"data": 42} or (refusal("javascript") and "errorMessage" in reply)


async def test_without_a_token_nothing_is_evaluated(client: httpx.AsyncClient) -> None:
    body = {"expression": template("{{1}}"), "variables": {}}
    reply = await client.post("/v1/expression/expressions/evaluate", json=body, headers={"Authorization": "Bearer cai_live_no"})
    assert reply.status_code == 401
