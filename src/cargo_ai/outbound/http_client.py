"""The HTTP client for calls of workflows: it connects only to addresses that were checked."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, cast

import httpcore
import httpx

from cargo_ai import __version__
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import addresses
from cargo_ai.outbound.addresses import Address, AllowList
from cargo_ai.outbound.pool import Pool

Resolve = Callable[[str], Awaitable[list[str]]]
"""A host name → its addresses as text; OSError when there are none."""

CACHE_SECONDS = 30.0
CACHE_SIZE = 1000
CONNECTIONS = 200
CONNECT_SECONDS = 10.0
NEXT_ADDRESS_SECONDS = 3.0
DEFAULT_SECONDS = 30.0


class OutboundRefused(Exception):
    """A workflow may not reach this address; the message says how the operator allows it."""


class HostNotFound(httpcore.ConnectError):
    """The name has no address. `lasting`: asking again will not help."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


async def resolve_by_system(host: str) -> list[str]:
    """The addresses from the machine's resolver, which also turns spellings such as `0x7f.1` or `2130706433` into plain addresses."""
    entries = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


class DnsCache:
    """Addresses of host names, cached for half a minute. Cached ones are checked again at each connection."""

    def __init__(self, resolve: Resolve = resolve_by_system) -> None:
        self._resolve = resolve
        self._known: dict[str, tuple[float, list[Address]]] = {}
        self._asking: dict[str, asyncio.Task[list[Address]]] = {}

    async def addresses(self, host: str) -> list[Address]:
        """The addresses of a host, an address itself included; HostNotFound without one."""
        literal = addresses.parse_ip(host)
        if literal is not None:
            return [literal]
        until, known = self._known.get(host, (0.0, []))
        if until > clock.seconds():
            return known
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._ask(host))
            task.add_done_callback(lambda done: self._forget(host, done))
        # Shielded: one caller that gives up must not cancel the lookup of the others.
        return await asyncio.shield(task)

    def _forget(self, host: str, task: asyncio.Task[list[Address]]) -> None:
        self._asking.pop(host, None)
        if not task.cancelled():
            task.exception()

    async def _ask(self, host: str) -> list[Address]:
        try:
            texts = await self._resolve(host)
        except (OSError, UnicodeError) as error:
            lasting = not (isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN)
            raise HostNotFound(f"The host {host} cannot be found.", lasting=lasting) from None
        resolved = [address for address in map(addresses.parse_ip, texts) if address is not None]
        if not resolved:
            raise HostNotFound(f"The host {host} has no address.", lasting=True)
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[host] = (clock.seconds() + CACHE_SECONDS, resolved)
        return resolved


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves, checks and connects to the very address that was checked, so that a name cannot resolve to another one in between."""

    def __init__(self, allowance: AllowList, names: DnsCache) -> None:
        self._allowance, self._names = allowance, names
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an address of `host`. TLS, which wraps this stream later, still verifies the host name."""
        *others, last = await self._checked(host, port, timeout)
        for address in others:
            try:
                seconds = NEXT_ADDRESS_SECONDS if timeout is None else min(timeout, NEXT_ADDRESS_SECONDS)
                return await self._network.connect_tcp(str(address), port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(last), port, timeout, local_address, socket_options)

    async def _checked(self, host: str, port: int, timeout: float | None) -> list[Address]:
        name = host.lower().rstrip(".")
        try:
            async with asyncio.timeout(timeout):
                resolved = await self._names.addresses(name)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"The name {host} was not resolved in time.") from None
        allowed = [address for address in resolved if self._allowance.permits(name, address, port)]
        if not allowed:
            raise OutboundRefused(_refusal(name, port, resolved))
        return allowed

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: workflows may not use socket files."""
        raise OutboundRefused("Socket files cannot be reached.")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await asyncio.sleep(seconds)


def _refusal(host: str, port: int, resolved: list[Address]) -> str:
    # The address behind a name is not shown: a workflow must not be able to map the server's network.
    shown = f"[{host}]" if ":" in host else host
    if any(addresses.is_metadata(address) for address in resolved) and addresses.parse_ip(host) is None:
        way = f"only its numeric address in {addresses.VARIABLE} on the server opens it"
        return f"The address {shown}:{port} is a link-local or metadata one; {way}."
    return f"The address {shown}:{port} is private; allow it with {addresses.VARIABLE}={shown}:{port} on the server."


_EXPECTED = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)


@contextmanager
def _httpx_errors() -> Generator[None]:
    try:
        yield
    except HostNotFound as error:
        raise httpx.ConnectError(str(error)) from error
    except _EXPECTED as error:
        # Both libraries use the same names for these.
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """A pool of connections that are all opened by the guarded network."""

    def __init__(self, network: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        self._pool = Pool(network, tls, CONNECTIONS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange. Raises OutboundRefused besides what httpx raises."""
        if request.url.scheme not in {"http", "https"}:
            raise OutboundRefused(f"Only http and https addresses can be called, not {request.url.scheme}.")
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _httpx_errors():
            reply = await self._pool.send(sent)
        return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply.stream))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


def client(settings: Settings, *, resolve: Resolve = resolve_by_system) -> httpx.AsyncClient:
    """The process's client for calls of workflows: create one, share it, close it at the end.

    It follows no redirect (`exchange.send` does, with a check at each hop), keeps no cookie, reads no proxy from the environment.
    SettingsError when `CARGO_AI_OUTBOUND_ALLOW` is wrong. `resolve`: for tests that play a hostile name server.
    """
    network = GuardedNetwork(AllowList.of(settings), DnsCache(resolve))
    return httpx.AsyncClient(
        transport=GuardedTransport(network, httpx.create_ssl_context()),
        # One cookie jar for all workspaces would send the session of one in the calls of another.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(DEFAULT_SECONDS, connect=CONNECT_SECONDS),
        headers={"user-agent": f"cargo-ai/{__version__}", "accept-encoding": "gzip, deflate"},
        follow_redirects=False,
        trust_env=False,
    )


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_absolute(url: str) -> bool:
    """Whether the text is a URL with a scheme and a host."""
    return bool(_SCHEME.match(url))


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: secrets are sent on only where they are the same."""
    return (url.scheme, url.host.lower().rstrip("."), url.port or {"http": 80, "https": 443}.get(url.scheme, 0))
