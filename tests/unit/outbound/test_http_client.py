"""The guard against real sockets: nothing that is private is reached, by no spelling, redirect or change of mind."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.names import Resolve
from cargo_ai.outbound.url import parse_url
from tests.kit.peers.echo_service import EchoService, Say


def get(url: str, **more: str) -> OutboundRequest:
    return OutboundRequest(
        "GET", parse_url(url), tuple((name.replace("_", "-"), value.encode()) for name, value in more.items()), seconds=5
    )


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "①②⑦.⓪.⓪.①",
        "user:secret@127.0.0.1",
    ],
)
async def test_no_spelling_of_loopback_gets_through(closed_client: HttpClient, service: EchoService, host: str) -> None:
    with pytest.raises((OutboundRefused, ExchangeFailed, ValueError)) as raised:
        await send(closed_client, get(f"http://{host}:{service.port}/"))
    assert service.heard == []
    assert service.connections == 0
    assert "secret" not in str(raised.value)


async def test_the_refusal_says_how_the_operator_opens_the_address(closed_client: HttpClient, service: EchoService) -> None:
    with pytest.raises(OutboundRefused) as raised:
        await send(closed_client, get(service.url))
    place = f"127.0.0.1:{service.port}"
    assert str(raised.value) == f"The address {place} is private; allow it with CARGO_AI_OUTBOUND_ALLOW={place} on the server."


async def test_what_the_list_names_is_reached(open_client: HttpClient, service: EchoService) -> None:
    assert (await send(open_client, get(service.url))).status == 200


def answering(*answers: list[str]) -> Resolve:
    """A name server that says something else each time."""
    left = list(answers)

    async def resolve(_host: str) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def test_a_name_that_stands_for_a_private_address_is_refused_without_telling_the_address(service: EchoService) -> None:
    async with http_client.client(Settings(), resolve=answering(["127.0.0.1"])) as client:
        with pytest.raises(OutboundRefused) as raised:
            await send(client, get(f"http://rebind.example:{service.port}/"))
    assert "127.0.0.1" not in str(raised.value)
    assert service.connections == 0


async def test_a_name_that_changes_its_mind_after_the_check_is_not_asked_again(service: EchoService) -> None:
    """What was checked is what is connected to: the second answer never gets a chance."""
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        # 192.0.2.1 would be refused and 127.0.0.1 is open in this client: the first answer decides.
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}), resolve=resolve) as client:
        for _ in range(3):
            received = await send(client, get(f"http://rebind.example:{service.port}/"))
            assert received.status == 200
    assert asked == ["rebind.example"]
    assert service.heard[0].headers["host"] == f"rebind.example:{service.port}"


async def test_a_remembered_name_is_checked_again_for_another_port(service: EchoService) -> None:
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": f"127.0.0.1:{service.port}"})
    async with http_client.client(settings, resolve=answering(["127.0.0.1"])) as client:
        assert (await send(client, get(f"http://some.example:{service.port}/"))).status == 200
        with pytest.raises(OutboundRefused):
            await send(client, get("http://some.example:1/"))


async def test_of_several_addresses_only_the_open_ones_are_tried(service: EchoService) -> None:
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})
    async with http_client.client(settings, resolve=answering(["10.0.0.1", "169.254.169.254", "127.0.0.1"])) as client:
        assert (await send(client, get(f"http://some.example:{service.port}/"))).status == 200


async def test_the_next_address_is_tried_when_one_does_not_answer(service: EchoService) -> None:
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.0/8"})
    async with http_client.client(settings, resolve=answering(["127.0.0.9", "127.0.0.1"])) as client:
        assert (await send(client, get(f"http://some.example:{service.port}/"))).status == 200


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "http://[::ffff:7f00:2]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "//0x7f000002:{port}/",
    ],
)
async def test_a_redirect_to_a_closed_address_is_refused(open_client: HttpClient, service: EchoService, location: str) -> None:
    service.on("/go", Say(302, headers={"location": location.format(port=service.port)}))
    with pytest.raises(OutboundRefused):
        await send(open_client, get(f"{service.url}/go"))
    assert [heard.path for heard in service.heard] == ["/go"]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1/", "data:text/plain,x"])
async def test_a_redirect_to_another_scheme_is_refused(open_client: HttpClient, service: EchoService, location: str) -> None:
    service.on("/go", Say(302, headers={"location": location}))
    with pytest.raises((OutboundRefused, ExchangeFailed)):
        await send(open_client, get(f"{service.url}/go"))


async def test_a_redirect_within_the_origin_keeps_the_headers(open_client: HttpClient, service: EchoService) -> None:
    service.on("/go", Say(307, headers={"location": "/there?x=1"}))
    await send(open_client, get(f"{service.url}/go", authorization="Bearer s", x_api_key="k"))
    assert service.heard[1].path == "/there"
    assert service.heard[1].headers["authorization"] == "Bearer s"
    assert service.heard[1].headers["x-api-key"] == "k"


async def test_a_redirect_to_another_origin_takes_no_secrets_along(service: EchoService) -> None:
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})
    async with http_client.client(settings, resolve=answering(["127.0.0.1"])) as client:
        service.on("/go", Say(307, headers={"location": f"http://other.example:{service.port}/there"}))
        await send(client, get(f"{service.url}/go", authorization="Bearer s", cookie="a=b", x_api_key="k", accept="text/plain"))
    last = service.heard[1].headers
    assert last["host"].startswith("other.example")
    assert last["accept"] == "text/plain"
    assert not {"authorization", "cookie", "x-api-key"} & set(last)


@pytest.mark.parametrize(
    ("status", "method", "body"), [(301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"hi"), (308, "POST", b"hi")]
)
async def test_a_redirect_keeps_method_and_body_as_the_status_says(
    open_client: HttpClient, service: EchoService, status: int, method: str, body: bytes
) -> None:
    service.on("/go", Say(status, headers={"location": "/there"}))
    headers = (("content-type", b"text/plain"),)
    await send(open_client, OutboundRequest("POST", parse_url(f"{service.url}/go"), headers, b"hi"))
    assert (service.heard[1].method, service.heard[1].body) == (method, body)
    assert ("content-type" in service.heard[1].headers) is bool(body)


async def test_five_redirects_are_followed_and_six_are_not(open_client: HttpClient, service: EchoService) -> None:
    for step in range(6):
        service.on(f"/{step}", Say(302, headers={"location": f"/{step + 1}"}))
    assert (await send(open_client, get(f"{service.url}/1"))).status == 200
    with pytest.raises(ExchangeFailed, match="redirects more than 5 times"):
        await send(open_client, get(f"{service.url}/0"))


async def test_a_cookie_of_one_answer_is_not_in_the_next_call(open_client: HttpClient, service: EchoService) -> None:
    service.on("/login", Say(headers={"set-cookie": "session=1; Path=/"}))
    await send(open_client, get(f"{service.url}/login"))
    await send(open_client, get(service.url))
    assert "cookie" not in service.heard[1].headers


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, service: EchoService) -> None:
    monkeypatch.setenv("HTTP_PROXY", service.url)
    monkeypatch.setenv("ALL_PROXY", service.url)
    async with http_client.client(Settings(), resolve=answering(["10.0.0.1"])) as client:
        with pytest.raises(OutboundRefused):
            await send(client, get("http://inside.example/"))
    assert service.connections == 0


async def test_a_name_that_does_not_exist_is_not_worth_another_attempt() -> None:
    async def resolve(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async with http_client.client(Settings(), resolve=resolve) as client:
        with pytest.raises(ExchangeFailed, match=r"The host nowhere\.example cannot be found") as raised:
            await send(client, get("http://nowhere.example/"))
    assert not raised.value.transient


async def test_a_name_server_that_is_down_is_worth_another_attempt() -> None:
    async def resolve(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    async with http_client.client(Settings(), resolve=resolve) as client:
        with pytest.raises(ExchangeFailed) as raised:
            await send(client, get("http://some.example/"))
    assert raised.value.transient


async def test_a_name_server_that_hangs_is_bounded_by_the_calls_time(service: EchoService) -> None:
    async def resolve(_host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with http_client.client(Settings(), resolve=resolve) as client:
        with pytest.raises(ExchangeFailed, match="did not answer within") as raised:
            await send(client, OutboundRequest("GET", parse_url("http://some.example/"), seconds=0.2))
    assert raised.value.transient


async def test_many_calls_ask_for_a_name_once(service: EchoService) -> None:
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        await asyncio.sleep(0)
        return ["127.0.0.1"]

    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}), resolve=resolve) as client:
        await asyncio.gather(*(send(client, get(f"http://some.example:{service.port}/")) for _ in range(20)))
    assert asked == ["some.example"]
    assert len(service.heard) == 20
