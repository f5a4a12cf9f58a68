"""Addresses of host names, asked for once and remembered for half a minute."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from cargo_ai.kernel import clock
from cargo_ai.outbound import addresses
from cargo_ai.outbound.addresses import Address

Resolve = Callable[[str], Awaitable[list[str]]]
"""A host name → its addresses as text; OSError when there are none."""

CACHE_SECONDS = 30.0
CACHE_SIZE = 1000


class HostNotFound(Exception):
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
