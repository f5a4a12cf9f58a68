"""Calls of a service: signed in, within limits, and what each kind of answer becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cargo_ai.integrations.kit import (
    AccountSpec,
    ApiKey,
    CallShape,
    Credentials,
    ErrorRule,
    Form,
    InvalidConfig,
    OpenAccount,
    Service,
    ServiceError,
    ServiceSpec,
    SignIn,
    Throttled,
    Unlimited,
    Verification,
    segment,
)
from cargo_ai.integrations.kit.signing.sign_in import Signer
from cargo_ai.outbound.http_client import HttpClient
from tests.kit.peers.echo_service import EchoService, Heard, Say

KEY = "key-4711-abcdef"
ACCOUNT = AccountSpec(sign_ins=(ApiKey(header="X-Key"),))
JSON = {"content-type": "application/json"}


def service_at(client: HttpClient, url: str, account: Signer | None = None, **spec: Any) -> Service:
    signer = OpenAccount(ACCOUNT, {"apiKey": KEY}) if account is None else account
    return Service(ServiceSpec(f"{url}/v1/", **spec), "Vendor", client, signer, key="run:node:1", sensitive=(KEY,))


async def refused(service: Service, path: str = "/things", method: str = "GET", *, reads: bool | None = None) -> ServiceError:
    with pytest.raises(ServiceError) as error:
        await service.call(method, path, reads=reads)
    return error.value


async def test_a_call_is_signed_in_and_answered_as_json(open_client: HttpClient, service: EchoService) -> None:
    answer = await service_at(open_client, service.url, headers={"X-Version": "2026-03"}).get("/things", query={"a": [1, True], "b": None})
    assert (answer.status, answer.body["path"], answer.body["query"]) == (200, "/v1/things", [["a", "1"], ["a", "true"]])
    assert (answer.body["headers"]["x-key"], answer.body["headers"]["x-version"]) == (KEY, "2026-03")


async def test_changing_calls_have_keys_of_their_own(open_client: HttpClient, service: EchoService) -> None:
    calls = service_at(open_client, service.url, idempotency_header="Idempotency-Key")
    await calls.post("search", json={}, reads=True)
    await calls.post("things", json={"a": "ü"})
    await calls.put("things/1", form={"a": "x y", "b": [1, 2]})
    assert [heard.headers.get("idempotency-key") for heard in service.heard] == [None, "run:node:1", "run:node:1:2"]
    assert [heard.body for heard in service.heard] == [b"{}", '{"a":"ü"}'.encode(), b"a=x+y&b=1&b=2"]


@pytest.mark.parametrize(
    ("status", "transient", "reason"),
    [
        (400, False, "invalidRequest"),
        (401, False, "unauthorized"),
        (403, False, "forbidden"),
        (404, False, "notFound"),
        (409, False, "conflict"),
        (422, False, "invalidRequest"),
        (500, True, "serviceUnavailable"),
        (503, True, "serviceUnavailable"),
    ],
)
async def test_a_refusal_is_in_the_vendors_words_without_secrets(
    open_client: HttpClient, service: EchoService, status: int, transient: bool, reason: str
) -> None:
    service.on("/v1/things", Say(status, b'{"message":"No property `mail` for %s"}' % KEY.encode(), JSON))
    error = await refused(service_at(open_client, service.url))
    assert error.message == f"Vendor answered {status}: No property `mail` for ***"
    assert (error.status, error.transient, error.reason, error.rejects) == (status, transient, reason, not transient)
    assert len(service.heard) == 1


async def test_a_rule_has_a_sentence_with_the_fix(open_client: HttpClient, service: EchoService) -> None:
    rule = ErrorRule("fail", status=403, message="the key lacks a scope ({said}): add it under Settings.", reason="missingScope")
    service.on("/v1/things", Say(403, b'{"message":"crm.read"}', JSON))
    error = await refused(service_at(open_client, service.url, errors=(rule,)))
    assert (error.message, error.reason) == ("Vendor: the key lacks a scope (crm.read): add it under Settings.", "missingScope")


async def test_what_is_ignored_is_an_answer(open_client: HttpClient, service: EchoService) -> None:
    service.on("/v1/things", Say(404, b"{}", JSON))
    answer = await service_at(open_client, service.url, errors=(ErrorRule("ignore", status=404),)).delete("things")
    assert answer.status == 404


async def test_too_many_calls_end_the_attempt_with_the_time_to_wait(open_client: HttpClient, service: EchoService) -> None:
    service.on("/v1/things", Say(429, headers={"retry-after": "7"}))
    error = await refused(service_at(open_client, service.url))
    assert (error.transient, error.retry_after, error.reason) == (True, 7.0, "rateLimited")


async def test_a_short_wait_is_sat_out(open_client: HttpClient, service: EchoService) -> None:
    def answer(_heard: Heard) -> Say:
        return Say(429, headers={"retry-after": "1"}) if len(service.heard) == 1 else Say(body=b"[1]", headers=JSON)

    service.on("/v1/things", answer)
    assert (await service_at(open_client, service.url).post("things", json={})).body == [1]
    assert len(service.heard) == 2


async def test_an_answer_that_is_not_json_is_an_error(open_client: HttpClient, service: EchoService) -> None:
    service.on("/v1/things", Say(body=b"<html>login</html>"))
    error = await refused(service_at(open_client, service.url))
    assert (error.reason, error.transient) == ("notJson", True)
    assert (await service_at(open_client, service.url).call("GET", "things", expect="text")).body == "<html>login</html>"


async def test_a_broken_connection_says_whether_the_service_may_have_acted(open_client: HttpClient, service: EchoService) -> None:
    service.on("/v1/things", Say(reset=True))
    calls = service_at(open_client, service.url)
    assert (await refused(calls)).sent is False and calls.changed is False
    assert (await refused(calls, method="POST")).sent is True and calls.changed is True


async def test_a_get_that_costs_something_is_not_sent_again(open_client: HttpClient, service: EchoService) -> None:
    calls = service_at(open_client, service.url)
    await calls.get("/things")
    service.on("/v1/things", Say(reset=True))
    service.heard.clear()
    assert (await refused(calls, reads=False)).sent is True and calls.changed is True
    assert len(service.heard) == 1


@pytest.mark.parametrize("path", ["http://other.example/v1/x", "https://127.0.0.1/x", "HTTP://other.example/"])
async def test_credentials_go_to_the_services_own_host_only(open_client: HttpClient, service: EchoService, path: str) -> None:
    assert (await refused(service_at(open_client, service.url), path)).reason == "foreignAddress"
    answer = await service_at(open_client, service.url).get(f"{service.url}/v1/things?page=2")
    assert answer.body["query"] == [["page", "2"]]


@pytest.mark.parametrize(("value", "text"), [("a/b", "a%2Fb"), ("x?y#z", "x%3Fy%23z"), (7, "7"), ("ü", "%C3%BC")])
def test_a_value_is_one_part_of_a_path(value: object, text: str) -> None:
    assert segment(value) == text


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_leads_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(InvalidConfig):
        segment(value)


@dataclass(frozen=True, kw_only=True)
class Rotating(SignIn):
    """Gives another token each time the former one was refused."""

    kind: str = "rotating"
    title: str = "Rotating"
    refreshable = True
    tokens: list[str] = field(default_factory=lambda: ["old"])

    @property
    def form(self) -> type[Form]:
        return Form

    async def credentials(self, config: Mapping[str, Any], *, refresh: bool = False) -> Credentials:
        if refresh:
            self.tokens.append("new")
        return Credentials(headers={"authorization": f"Bearer {self.tokens[-1]}"})


@pytest.mark.parametrize(("accepted", "calls"), [("Bearer new", 2), ("Bearer never", 2)])
async def test_refused_credentials_are_refreshed_once(open_client: HttpClient, service: EchoService, accepted: str, calls: int) -> None:
    sign_in = Rotating()
    service.on("/v1/things", lambda heard: Say(body=b"{}", headers=JSON, status=200 if heard.headers["authorization"] == accepted else 401))
    client = service_at(open_client, service.url, OpenAccount(AccountSpec(sign_ins=(sign_in,)), {}))
    if accepted == "Bearer new":
        assert (await client.get("things")).status == 200
    else:
        assert (await refused(client)).reason == "unauthorized"
    assert len(service.heard) == calls and sign_in.tokens == ["old", "new"]


@dataclass
class Slots(Unlimited):
    """Answers in turn; then every call may go. What is waited for in line is not seen outside."""

    waits: list[float]
    asked: list[CallShape] = field(default_factory=list[CallShape])

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        self.asked.append(call)
        return self.waits.pop(0) if self.waits else 0.0


async def test_every_call_asks_for_a_slot_and_says_what_it_is(open_client: HttpClient, service: EchoService) -> None:
    slots = Slots([])
    calls = Service(ServiceSpec(f"{service.url}/v1"), "Vendor", open_client, admission=slots, action="upsert")
    await calls.post("things/7", json={})
    assert slots.asked == [CallShape("upsert", "POST", "/things/7")]


async def test_a_distant_slot_ends_the_attempt_unless_something_was_changed(open_client: HttpClient, service: EchoService) -> None:
    calls = Service(ServiceSpec(service.url), "Vendor", open_client, admission=Slots([90.0]))
    with pytest.raises(Throttled) as throttled:
        await calls.get("things")
    assert throttled.value.seconds == 90.0 and not service.heard
    changed = Service(ServiceSpec(service.url), "Vendor", open_client, admission=Slots([90.0]), changed=True)
    error = await refused(changed)
    assert (error.reason, error.transient, error.retry_after, error.sent) == ("rateLimited", True, 90.0, True)


async def test_an_account_is_proved_by_one_call(open_client: HttpClient, service: EchoService) -> None:
    service.on("/v1/me", Say(body=b'{"active":false}', headers=JSON))
    calls = service_at(open_client, service.url)
    answer = await Verification("/me").verify(calls)
    assert answer is not None and answer.body == {"active": False}
    with pytest.raises(ServiceError, match="switched off"):
        await Verification("/me", check=lambda answer: None if answer.body["active"] else "The account is switched off.").verify(calls)
    service.on("/v1/me", Say(401, b'{"message":"Bad key"}', JSON))
    with pytest.raises(ServiceError, match="Vendor answered 401: Bad key"):
        await Verification("/me").verify(calls)
