"""How a mail server is spoken to: over a socket to an address that was checked, one e-mail a connection, recipient by recipient."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import certifi
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from cargo_ai.email.email_address import EmailAddress, InvalidAddress, parse_address
from cargo_ai.integrations.kit import InvalidConfig, Service, ServiceError, scrub
from cargo_ai.outbound.addresses import Address
from cargo_ai.outbound.guard import ConnectFailed, OutboundRefused

Json = Any
Config = Mapping[str, Json]
PORTS = {"starttls": 587, "tls": 465, "off": 25}
COMMAND_SECONDS = 30.0
DATA_SECONDS = 120.0
"""A server may read an e-mail of 15 MB, and look for viruses in it, before it answers."""
MAX_AT_ONCE = 4
"""E-mails of a workspace that a process hands over at a time: one whose server is slow holds up no other workspace."""
MAX_IN_ALL = 32
LONGEST_ANSWER = 300


class _Slots:
    """The places of the process: each holds an e-mail in memory."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MAX_IN_ALL)
        self._by_workspace: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def take(self, workspace: str) -> AsyncGenerator[None]:
        """A place while the context lasts."""
        own, users = self._by_workspace.get(workspace) or (asyncio.Semaphore(MAX_AT_ONCE), 0)
        self._by_workspace[workspace] = own, users + 1
        try:
            async with own, self._all:
                yield
        finally:
            _, users = self._by_workspace.pop(workspace)
            if users > 1:
                self._by_workspace[workspace] = own, users - 1


_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, _Slots] = WeakKeyDictionary()


@dataclass(slots=True)
class Handover:
    """What became of the recipients of one attempt: taken, refused for good, or to be tried later; with the server's words."""

    accepted: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    deferred: dict[str, str] = field(default_factory=dict[str, str])


def sender_of(config: Config) -> EmailAddress:
    """Whom e-mails of an account are from. InvalidConfig."""
    try:
        return parse_address(str(config.get("fromAddress") or ""))
    except InvalidAddress as fault:
        raise InvalidConfig(f"`fromAddress` of the connector: {fault}") from None


async def prove(service: Service) -> None:
    """Sign in and leave."""
    sender = sender_of(_config(service))
    async with _connected(service, sender.domain) as connection:
        await _say(service, connection.ehlo())


async def hand_over(service: Service, sender: str, recipients: Sequence[str], message: bytes) -> Handover:
    """Give an e-mail to the server. ServiceError where it takes none at all; `sent` of it: it may have taken it all the same."""
    result = Handover()
    async with _connected(service, sender.rpartition("@")[2]) as connection:
        await _say(service, connection.mail(sender))
        for recipient in recipients:
            try:
                await connection.rcpt(recipient)
                result.accepted.append(recipient)
            except SMTPRecipientRefused as error:
                (result.deferred if _is_transient(error.code) else result.refused)[recipient] = _words(error)
            except (SMTPException, OSError) as error:
                raise _failure(service, error, sent=False) from None
        if result.accepted:
            await _data(service, connection, message)
            service.changed = True
    return result


async def _data(service: Service, connection: SMTP, message: bytes) -> None:
    """From here on it is not known whether a server that goes silent has taken it."""
    try:
        await connection.data(message, timeout=DATA_SECONDS)
    except SMTPResponseException as error:
        raise _failure(service, error, sent=False) from None
    except (SMTPException, OSError) as error:
        raise _failure(service, error, sent=True) from None


async def _say(service: Service, command: Any) -> None:
    try:
        await command
    except (SMTPException, OSError) as error:
        raise _failure(service, error, sent=False) from None


@asynccontextmanager
async def _connected(service: Service, domain: str) -> AsyncGenerator[SMTP]:
    """A connection, signed in; few at a time of one process, since each holds an e-mail in memory."""
    await service.admit("SEND")
    config = _config(service)
    security, host = str(config.get("security") or "starttls"), str(config["host"])
    port = int(config.get("port") or PORTS[security])
    password = str(config.get("password") or "")
    if password and security == "off" and not _is_loopback(host):
        raise ServiceError(
            f"{service.name}: the password would be sent without encryption: set `security` to starttls or tls.", reason="invalidRequest"
        )
    slots = _slots.setdefault(asyncio.get_running_loop(), _Slots())
    async with slots.take(service.workspace):
        opened = await _socket(service, await _addresses(service, host, port), port)
        connection = SMTP(
            hostname=host,
            sock=opened,
            local_hostname=domain,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            tls_context=_tls(verify=config.get("verifyCertificate") is not False),
            timeout=COMMAND_SECONDS,
        )
        try:
            try:
                await connection.connect()
                if config.get("user"):
                    await connection.login(str(config["user"]), password)
            except (SMTPException, OSError, ValueError) as error:
                raise _failure(service, error, sent=False) from None
            yield connection
            # What it was to do is done: errors of the goodbye do not matter.
            with suppress(SMTPException, OSError):
                await connection.quit(timeout=2.0)
        finally:
            # The socket is its transport's, which closes it.
            connection.close()


async def _addresses(service: Service, host: str, port: int) -> list[Address]:
    try:
        return await service.client.guard.check(host, port)
    except OutboundRefused as error:
        raise ServiceError(str(error), reason="addressRefused") from None
    except ConnectFailed as error:
        raise ServiceError(f"{service.name}: {error}", transient=not error.lasting, reason="unreachable") from None


async def _socket(service: Service, checked: Sequence[Address], port: int) -> socket.socket:
    """A socket to the first of the checked addresses that answers."""
    loop, failure = asyncio.get_running_loop(), "no address"
    for address in checked:
        opened = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
        opened.setblocking(False)
        try:
            async with asyncio.timeout(COMMAND_SECONDS / 3):
                await loop.sock_connect(opened, (str(address), port))
        except BaseException as error:
            opened.close()
            if not isinstance(error, OSError):  # TimeoutError is one
                raise
            failure = "no connection in time" if isinstance(error, TimeoutError) else (error.strerror or type(error).__name__).lower()
        else:
            return opened
    raise ServiceError(f"{service.name}: the mail server cannot be reached: {failure}.", transient=True, reason="unreachable")


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _failure(service: Service, error: Exception, *, sent: bool) -> ServiceError:
    """What a failure means: an answer of the 4xx may be another one later, one of the 5xx stays."""
    name = service.name
    match error:
        case SMTPAuthenticationError():
            transient = _is_transient(error.code)
            message = f"{name}: the mail server does not accept this user and password: {_words(error)}"
            return ServiceError(message, transient=transient, reason="serviceUnavailable" if transient else "unauthorized")
        case SMTPResponseException():
            transient = _is_transient(error.code)
            reason = "serviceUnavailable" if transient else "refused"
            return ServiceError(f"{name}: the mail server refused the e-mail: {_words(error)}", transient=transient, reason=reason)
        case ssl.SSLCertVerificationError():
            return ServiceError(f"{name}: the certificate of the mail server is not trusted: {error.verify_message}.", reason="unreachable")
        case SMTPTimeoutError() | SMTPServerDisconnected() | OSError():
            lost = ServiceError(f"{name}: the connection to the mail server was lost.", transient=True, reason="unreachable", sent=sent)
            return _not_trusted(name, error) or lost
        case _:
            # It cannot do what it is asked for, such as STARTTLS or AUTH.
            return ServiceError(f"{name}: {scrub(str(error), service.sensitive)}", reason="invalidRequest", sent=sent)


def _not_trusted(name: str, error: BaseException) -> ServiceError | None:
    """A certificate that is the cause behind a connection that ended."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            message = f"{name}: the certificate of the mail server is not trusted: {cause.verify_message}."
            return ServiceError(message, reason="unreachable")
        cause = cause.__cause__ or cause.__context__
    return None


def _is_transient(code: int) -> bool:
    """Whether another attempt may help: 4xx asks for one, -1 is not a proper answer."""
    return code < 500


def _words(error: SMTPResponseException) -> str:
    text = re.sub(r"\s+", " ", error.message).strip()
    return f"{error.code} {text[:LONGEST_ANSWER]}".strip()


def _config(service: Service) -> Config:
    return {} if service.account is None else service.account.config


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
