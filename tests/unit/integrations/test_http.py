"""The HTTP integration: what it sends, how it reads answers, what it makes of failures, and to whom it tells secrets."""

from __future__ import annotations

import base64
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from cargo_ai.engine.graph.action import Done, Failed
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel import clock
from cargo_ai.outbound.http_client import HttpClient
from tests.kit.peers.echo_service import EchoService, Say
from tests.unit.integrations.action_request import request

TOKEN = "tok-4711-abcdef"


async def done(client: HttpClient, config: dict[str, Any], account: dict[str, Any] | None = None) -> Done:
    outcome = await request(client, config, account)
    assert isinstance(outcome, Done), outcome
    return outcome


async def failed(client: HttpClient, config: dict[str, Any], account: dict[str, Any] | None = None) -> Failed:
    outcome = await request(client, config, account)
    assert isinstance(outcome, Failed), outcome
    return outcome


async def test_a_plain_get_gives_status_headers_and_body(open_client: HttpClient, service: EchoService) -> None:
    outcome = await done(open_client, {"url": f"{service.url}/a"})
    assert outcome.title == "✅ 200 OK"
    assert set(outcome.output) == {"status", "headers", "body"}
    assert outcome.output["status"] == 200
    assert outcome.output["headers"]["content-type"] == "application/json"
    assert outcome.output["body"]["method"] == "GET"
    assert outcome.warnings == ()


async def test_every_call_carries_the_idempotency_key(open_client: HttpClient, service: EchoService) -> None:
    await done(open_client, {"url": service.url})
    assert service.heard[0].headers["idempotency-key"] == "run:node:1"


async def test_a_key_of_the_config_wins(open_client: HttpClient, service: EchoService) -> None:
    await done(open_client, {"url": service.url, "headers": {"idempotency-KEY": "mine"}})
    assert service.heard[0].headers["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"a": 1, "b": [True, None]}, "application/json", b'{"a":1,"b":[true,null]}'),
        ([1.0, 2.5], "application/json", b"[1,2.5]"),
        (7, "application/json", b"7"),
        (False, "application/json", b"false"),
        ("héllo", "text/plain; charset=utf-8", "héllo".encode()),
        ("", "text/plain; charset=utf-8", b""),
    ],
)
async def test_a_body_goes_out_as_what_it_is(
    open_client: HttpClient, service: EchoService, body: Any, content_type: str, sent: bytes
) -> None:
    await done(open_client, {"method": "post", "url": service.url, "body": body})
    assert service.heard[0].method == "POST"
    assert service.heard[0].headers["content-type"] == content_type
    assert service.heard[0].body == sent


async def test_a_content_type_of_the_config_wins_and_makes_a_form(open_client: HttpClient, service: EchoService) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    await done(open_client, {"method": "POST", "url": service.url, "headers": headers, "body": {"a": "x y", "b": [1, True], "c": None}})
    assert service.heard[0].body == b"a=x+y&b=1&b=true"


async def test_a_query_is_added_to_the_address(open_client: HttpClient, service: EchoService) -> None:
    query = {"q": "a&b=c", "n": 2.0, "yes": True, "list": ["x", "y"], "none": None, "object": {"k": 1}}
    await done(open_client, {"url": f"{service.url}/s?old=%2B1#part", "query": query})
    assert service.heard[0].query == [
        ("old", "+1"),
        ("q", "a&b=c"),
        ("n", "2"),
        ("yes", "true"),
        ("list", "x"),
        ("list", "y"),
        ("object", '{"k":1}'),
    ]


async def test_header_values_become_text_and_those_of_the_connection_are_left_out(open_client: HttpClient, service: EchoService) -> None:
    headers = {"X-Number": 5.0, "X-None": None, "Content-Length": "9999", "Host": "evil.example"}
    outcome = await done(open_client, {"url": service.url, "headers": headers})
    heard = service.heard[0].headers
    assert heard["x-number"] == "5"
    assert "x-none" not in heard
    assert heard["host"].startswith("127.0.0.1")
    assert len(outcome.warnings) == 2


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "`url` is missing"),
        ({"url": ""}, "`url` is missing"),
        ({"url": 5}, "`url` is missing"),
        ({"url": "/relative"}, "`url` must be absolute"),
        ({"url": "//other.example/x"}, "`url` must be absolute"),
        ({"url": "ftp://example.com"}, "`url` must start with http"),
        ({"url": "file:///etc/passwd"}, "`url` must start with http"),
        ({"url": "http://"}, "`url`"),
        ({"url": "http://[::1"}, "`url` is not a valid address"),
        ({"url": "http://xn--/"}, "`url` is not a valid address"),
        ({"url": "http://exa\nmple.com"}, "`url` is not a valid address"),
        ({"url": "http://x", "method": "FETCH"}, "`method` must be one of GET"),
        ({"url": "http://x", "method": 1}, "`method`"),
        ({"url": "http://x", "headers": "a: b"}, "`headers` must be an object"),
        ({"url": "http://x", "headers": {"a b": "c"}}, "`headers`"),
        ({"url": "http://x", "headers": {"x": "a\r\nHost: y"}}, "`headers.x` has a line break"),
        ({"url": "http://x", "query": []}, "`query` must be an object"),
        ({"url": "http://x", "timeoutMilliseconds": 0}, "`timeoutMilliseconds`"),
        ({"url": "http://x", "timeoutMilliseconds": 300_001}, "`timeoutMilliseconds`"),
        ({"url": "http://x", "timeoutMilliseconds": True}, "`timeoutMilliseconds`"),
        ({"url": "http://x", "timeoutMilliseconds": "5"}, "`timeoutMilliseconds`"),
        ({"url": "http://x", "responseType": "xml"}, "`responseType`"),
        ({"url": "http://x", "failOnError": "no"}, "`failOnError`"),
    ],
)
async def test_a_bad_config_fails_for_good_and_names_the_field(closed_client: HttpClient, config: dict[str, Any], field: str) -> None:
    outcome = await failed(closed_client, config)
    assert field in outcome.message
    assert not outcome.transient


async def test_a_closed_address_fails_for_good(closed_client: HttpClient, service: EchoService) -> None:
    outcome = await failed(closed_client, {"url": service.url})
    assert "CARGO_AI_OUTBOUND_ALLOW=" in outcome.message
    assert not outcome.transient


@pytest.mark.parametrize(
    ("status", "transient"), [(400, False), (401, False), (404, False), (408, True), (425, True), (429, True), (500, True), (503, True)]
)
async def test_a_bad_status_fails_and_says_whether_another_attempt_helps(
    open_client: HttpClient, service: EchoService, status: int, transient: bool
) -> None:
    service.on("/bad", Say(status, b"it   went\nwrong"))
    outcome = await failed(open_client, {"url": f"{service.url}/bad"})
    assert outcome.message == f"HTTP {status} from 127.0.0.1: it went wrong"
    assert outcome.transient is transient
    assert outcome.retry_after is None


async def test_a_long_error_is_cut(open_client: HttpClient, service: EchoService) -> None:
    service.on("/bad", Say(500, b"x" * 5000))
    assert (await failed(open_client, {"url": f"{service.url}/bad"})).message == f"HTTP 500 from 127.0.0.1: {'x' * 200}…"


async def test_without_fail_on_error_any_status_is_an_answer(open_client: HttpClient, service: EchoService) -> None:
    service.on("/bad", Say(404, b"no"))
    outcome = await done(open_client, {"url": f"{service.url}/bad", "failOnError": False})
    assert (outcome.output["status"], outcome.output["body"], outcome.title) == (404, "no", "⚠️ 404 Not Found")
    action = integrations()["http"].action("request")
    assert action is not None and not action.may_repeat(outcome)


async def test_without_fail_on_error_the_network_still_fails(open_client: HttpClient) -> None:
    assert (await failed(open_client, {"url": "http://127.0.0.1:1", "failOnError": False})).transient


async def test_the_time_of_the_config_counts(open_client: HttpClient, service: EchoService) -> None:
    service.on("/slow", Say(delay=30))
    outcome = await failed(open_client, {"url": f"{service.url}/slow", "timeoutMilliseconds": 50})
    assert outcome.message == "127.0.0.1 did not answer within 0.05 seconds."
    assert outcome.transient


@pytest.mark.parametrize(
    ("status", "header", "least", "most"),
    [
        (429, "7", 7, 7),
        (503, "2.5", 2.5, 2.5),
        (429, "0", 1, 1),
        (429, "99999", 3600, 3600),
        (429, "in 30 seconds", 25, 30),
        (429, "two days ago", 1, 1),
    ],
)
async def test_retry_after_is_obeyed(
    open_client: HttpClient, service: EchoService, status: int, header: str, least: float, most: float
) -> None:
    moments = {"in 30 seconds": timedelta(seconds=30), "two days ago": timedelta(days=-2)}
    value = format_datetime(clock.now() + moments[header], usegmt=True) if header in moments else header
    service.on("/busy", Say(status, headers={"retry-after": value}))
    outcome = await failed(open_client, {"url": f"{service.url}/busy"})
    assert outcome.retry_after is not None
    assert least <= outcome.retry_after <= most


@pytest.mark.parametrize(("status", "header"), [(429, "soon"), (429, ""), (500, "7"), (429, "-5")])
async def test_what_is_no_retry_after_is_none(open_client: HttpClient, service: EchoService, status: int, header: str) -> None:
    service.on("/busy", Say(status, headers={"retry-after": header}))
    assert (await failed(open_client, {"url": f"{service.url}/busy"})).retry_after is None


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "read", "warns"),
    [
        ("application/json", b'{"a":[1,2]}', "auto", {"a": [1, 2]}, False),
        ("application/problem+json; charset=utf-8", b'"x"', "auto", "x", False),
        ("application/json", b"", "auto", None, False),
        ("application/json", b"{broken", "auto", "{broken", True),
        ("application/json", b'{"a":NaN}', "auto", '{"a":NaN}', True),
        ("application/json", b"[" * 100_000, "auto", "[" * 100_000, True),
        ("application/json", b'"\\u0000 \\ud800"', "auto", "� �", False),
        ("application/json", b'{"a":1}', "text", '{"a":1}', False),
        ("text/plain", b'{"a":1}', "auto", '{"a":1}', False),
        ("text/plain", b'{"a":1}', "json", {"a": 1}, False),
        ("text/plain", b"no", "json", "no", True),
        ("text/html; charset=iso-8859-1", b"\xe9", "auto", "é", False),
        ("text/html; charset=nonsense", "é".encode(), "auto", "é", False),
        ("text/plain", b"a\0b", "auto", "a�b", False),
        ("", b"plain", "auto", "plain", False),
        ("image/png", b"\x89PNG\0", "auto", base64.b64encode(b"\x89PNG\0").decode(), True),
        ("text/plain", b"", "auto", None, False),
        ("text/plain", b"", "text", "", False),
    ],
)
async def test_an_answer_is_read_by_its_type(
    open_client: HttpClient, service: EchoService, content_type: str, body: bytes, kind: str, read: Any, warns: bool
) -> None:
    service.on("/read", Say(body=body, headers={"content-type": content_type} if content_type else {}))
    outcome = await done(open_client, {"url": f"{service.url}/read", "responseType": kind})
    assert outcome.output["body"] == read
    assert bool(outcome.warnings) is warns


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer", "token": TOKEN}, "authorization", f"Bearer {TOKEN}"),
        ({"kind": "basic", "username": "u", "password": "p"}, "authorization", f"Basic {base64.b64encode(b'u:p').decode()}"),
        ({"kind": "basic", "username": "u"}, "authorization", f"Basic {base64.b64encode(b'u:').decode()}"),
        ({"kind": "apiKey", "in": "header", "name": "X-Api-Key", "value": TOKEN}, "x-api-key", TOKEN),
    ],
)
async def test_an_account_is_sent_along(
    open_client: HttpClient, service: EchoService, auth: dict[str, str], header: str, value: str
) -> None:
    await done(open_client, {"url": "/contacts"}, {"baseUrl": f"{service.url}/v1/", "auth": auth, "headers": {"X-Version": "2"}})
    assert service.heard[0].path == "/v1/contacts"
    assert service.heard[0].headers[header] == value
    assert service.heard[0].headers["x-version"] == "2"


async def test_an_api_key_may_go_into_the_query(open_client: HttpClient, service: EchoService) -> None:
    auth = {"kind": "apiKey", "in": "query", "name": "key", "value": TOKEN}
    await done(open_client, {"url": "x?a=1", "query": {"b": 2}}, {"baseUrl": service.url, "auth": auth})
    assert service.heard[0].query == [("a", "1"), ("key", TOKEN), ("b", "2")]


async def test_headers_of_the_node_win_over_those_of_the_account(open_client: HttpClient, service: EchoService) -> None:
    account = {"baseUrl": service.url, "headers": {"X-One": "account", "X-Two": "account"}, "auth": {"kind": "bearer", "token": TOKEN}}
    await done(open_client, {"url": "x", "headers": {"x-one": "node", "authorization": "Other"}}, account)
    heard = service.heard[0].headers
    assert (heard["x-one"], heard["x-two"], heard["authorization"]) == ("node", "account", "Other")


ACCOUNT = {"headers": {"X-Api-Key": TOKEN}, "auth": {"kind": "bearer", "token": TOKEN}}


@pytest.mark.parametrize("url", ["http://localhost:{port}/x", "HTTP://LOCALHOST:{port}/x"])
async def test_secrets_do_not_go_to_another_origin_than_the_base(service: EchoService, url: str) -> None:
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.outbound import http_client

    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as client:
        outcome = await done(client, {"url": url.format(port=service.port)}, ACCOUNT | {"baseUrl": service.url})
    assert not {"x-api-key", "authorization"} & set(service.heard[0].headers)
    assert "not sent" in outcome.warnings[0]


@pytest.mark.parametrize("url", ["//evil.example/x", "@evil.example/x", "\\\\evil.example/x", "/../../x", ".evil.example/x"])
async def test_no_relative_address_leads_away_from_the_base(open_client: HttpClient, service: EchoService, url: str) -> None:
    outcome = await request(open_client, {"url": url}, ACCOUNT | {"baseUrl": service.url})
    assert isinstance(outcome, (Done, Failed))
    assert all(heard.headers["host"] == f"127.0.0.1:{service.port}" for heard in service.heard)
    assert isinstance(outcome, Failed) or len(service.heard) == 1


async def test_an_absolute_address_of_the_bases_origin_gets_the_secrets(open_client: HttpClient, service: EchoService) -> None:
    await done(open_client, {"url": f"{service.url}/x"}, ACCOUNT | {"baseUrl": f"{service.url}/v1"})
    assert service.heard[0].headers["x-api-key"] == TOKEN


async def test_an_account_without_a_base_goes_wherever_the_node_calls(open_client: HttpClient, service: EchoService) -> None:
    await done(open_client, {"url": f"{service.url}/x"}, ACCOUNT)
    assert service.heard[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_an_error_that_repeats_the_secret_is_scrubbed_before_it_is_cut(open_client: HttpClient, service: EchoService) -> None:
    service.on("/bad", Say(500, b"y" * 195 + TOKEN.encode()))
    outcome = await failed(open_client, {"url": f"{service.url}/bad"}, ACCOUNT)
    assert TOKEN[:5] not in outcome.message


def test_the_shown_config_hides_headers_and_credentials_of_every_kind() -> None:
    spec = integrations()["http"].account
    config = {
        "baseUrl": "https://api.example.com",
        "headers": {"A": "1", "B": "2"},
        "auth": {"kind": "apiKey", "in": "header", "name": "x", "value": "v", "username": "u", "password": "p", "token": "t"},
    }
    assert spec.hidden(config) == {
        "baseUrl": "https://api.example.com",
        "headers": {"A": "***", "B": "***"},
        "auth": {"kind": "apiKey", "in": "header", "name": "x", "value": "***", "username": "***", "password": "***", "token": "***"},
    }


def test_what_every_answer_holds_is_no_secret_text() -> None:
    spec = integrations()["http"].account
    config = {
        "headers": {"Accept": "application/json", "X-Auth": f"Token {TOKEN}"},
        "auth": {"kind": "basic", "username": "ada@example.com", "password": "longenough"},
    }
    texts = spec.sensitive_texts(config)
    assert "application/json" not in texts
    assert "ada@example.com" not in texts
    assert {TOKEN, f"Token {TOKEN}", "longenough", base64.b64encode(b"ada@example.com:longenough").decode()} <= set(texts)
