"""Open connections, only to addresses that were checked."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from functools import cached_property

import certifi

from cargo_ai.outbound import addresses
from cargo_ai.outbound.addresses import Address, AllowList
from cargo_ai.outbound.connection import Connection
from cargo_ai.outbound.names import DnsCache, HostNotFound
from cargo_ai.outbound.url import Url

CONNECT_SECONDS = 10.0
NEXT_ADDRESS_SECONDS = 3.0


class OutboundRefused(Exception):
    """A workflow may not reach this address; the message says how the operator allows it."""


class ConnectFailed(Exception):
    """There is no connection. `lasting`: another attempt will not get one either."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class Guard:
    """Resolves, checks and connects to the very address that was checked, so that a name cannot resolve to another one in between."""

    def __init__(self, allowance: AllowList, names: DnsCache, environment: Mapping[str, str]) -> None:
        self._allowance, self._names, self._environment = allowance, names, environment

    async def connect(self, url: Url) -> Connection:
        """A connection to the host of a URL; TLS verifies the host's name. Raises OutboundRefused and ConnectFailed."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                *others, last = await self._checked(url.host.rstrip("."), url.port)
                for address in others:
                    try:
                        async with asyncio.timeout(NEXT_ADDRESS_SECONDS):
                            return await self._open(url, address)
                    except (OSError, TimeoutError):
                        continue
                return await self._open(url, last)
        except HostNotFound as error:
            raise ConnectFailed(str(error), lasting=error.lasting) from None
        except TimeoutError:
            raise ConnectFailed(f"{url.host} cannot be reached: no connection within {CONNECT_SECONDS:g} seconds.") from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectFailed(f"The certificate of {url.host} is not valid: {error.verify_message}.", lasting=True) from None
        except ssl.SSLError as error:
            raise ConnectFailed(f"{url.host} does not speak TLS as it should: {error.reason or 'the handshake failed'}.") from None
        except OSError as error:
            raise ConnectFailed(f"{url.host} cannot be reached: {_reason(error)}.") from None

    async def check(self, host: str, port: int) -> list[Address]:
        """The addresses of a host that may be reached, for drivers that connect by themselves. Raises OutboundRefused and ConnectFailed."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._checked(host.lower().rstrip("."), port)
        except HostNotFound as error:
            raise ConnectFailed(str(error), lasting=error.lasting) from None
        except TimeoutError:
            raise ConnectFailed(f"The name {host} was not resolved within {CONNECT_SECONDS:g} seconds.") from None

    async def _checked(self, name: str, port: int) -> list[Address]:
        resolved = await self._names.addresses(name)
        allowed = [address for address in resolved if self._allowance.permits(name, address, port)]
        if not allowed:
            raise OutboundRefused(_refusal(name, port, resolved))
        return allowed

    async def _open(self, url: Url, address: Address) -> Connection:
        loop = asyncio.get_running_loop()
        if url.scheme == "http":
            _, connection = await loop.create_connection(Connection, str(address), url.port)
        else:
            name = url.host.rstrip(".")
            _, connection = await loop.create_connection(Connection, str(address), url.port, ssl=self._tls, server_hostname=name)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Read when it is first needed: many a process calls nothing by https.
        file, folder = self._environment.get("SSL_CERT_FILE"), self._environment.get("SSL_CERT_DIR")
        context = ssl.create_default_context(cafile=file or (None if folder else certifi.where()), capath=None if file else folder)
        context.set_alpn_protocols(["http/1.1"])
        return context


def _reason(error: OSError) -> str:
    # The error's own text names the address behind the name.
    return os.strerror(error.errno).lower() if error.errno else "the connection failed"


def _refusal(host: str, port: int, resolved: list[Address]) -> str:
    # The address behind a name is not shown: a workflow must not be able to map the server's network.
    shown = f"[{host}]" if ":" in host else host
    if any(addresses.is_metadata(address) for address in resolved) and addresses.parse_ip(host) is None:
        way = f"only its numeric address in {addresses.VARIABLE} on the server opens it"
        return f"The address {shown}:{port} is a link-local or metadata one; {way}."
    return f"The address {shown}:{port} is private; allow it with {addresses.VARIABLE}={shown}:{port} on the server."
