"""Extraction: open an extractor with the account of a connector, and say in words what keeps it from being read."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.account_service import open_service
from cargo_ai.domains.connection.accounts.accounts import Account, Accounts
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import (
    AccountHalted,
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Integration,
    ServiceError,
    SourceShape,
    Throttled,
    scrub,
    walk,
)
from cargo_ai.kernel import log
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.outbound.exchange import ExchangeFailed
from cargo_ai.outbound.guard import OutboundRefused

HALTED_SECONDS = 60.0
"""How soon to look again whether people have let a connector go on."""
SECRET_SECONDS = 10.0

Reason = Literal[
    "connectorNotFound", "integrationNotFound", "integrationNotCompatible", "halted", "invalidConfig", "wait", "retry", "failed"
]
Json = Any

_log = log.get(__name__)


class SourceFault(Exception):
    """The source cannot be read now; the message is for people.

    reason: what is not there; `halted`: the connector waits for people; `wait`: for `seconds`, which is not a failure; `retry`: it may go
    better; `invalidConfig` and `failed`: it will not.
    """

    def __init__(self, reason: Reason, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.seconds = reason, seconds


def fault_of(error: Exception, integration: Integration, connector: uuid.UUID, sensitive: Sequence[str]) -> SourceFault:
    """What an integration raised, in words without these texts."""
    name, said = integration.name, scrub(str(error), tuple(sensitive))
    match error:
        case SourceFault():
            return error
        case Throttled():
            return SourceFault("wait", f"{name} takes no more calls now ({error.reason}).", error.seconds)
        case ServiceError() if error.transient:
            return SourceFault("wait" if error.reason == "rateLimited" else "retry", said, error.retry_after)
        case ExchangeFailed() if error.transient:
            return SourceFault("retry", said)
        case InvalidConfig():
            return SourceFault("invalidConfig", said)
        case AccountHalted():
            return SourceFault("halted", _halted(name, error.reason, connector), HALTED_SECONDS)
        case ServiceError() | ExchangeFailed() | OutboundRefused():
            return SourceFault("failed", said)
        case _:
            # A bug of one integration is not one of ours, and its trace may hold what the service said.
            _log.error("extractor failed", integration=integration.slug, trace=scrub(traceback.format_exc(), tuple(sensitive)))
            return SourceFault("failed", f"The integration {name} failed unexpectedly ({type(error).__name__}).")


@dataclass(frozen=True, slots=True)
class Source:
    """An extractor, opened with an account. What it raises is SourceFault, without secrets."""

    connector: uuid.UUID
    integration: Integration
    extractor: Extractor
    request: ExtractRequest
    renewed: Callable[[], Sequence[str]]

    async def shape(self) -> SourceShape:
        """The columns."""
        try:
            return await self.extractor.shape_for(self.request)
        except Exception as error:
            raise self._fault(error) from None

    async def count(self) -> int | None:
        """How many records there are; None where the service does not tell."""
        if self.extractor.count is None:
            return None
        try:
            self.request.form(self.extractor.form)
            return await self.extractor.count(self.request)
        except Exception as error:
            raise self._fault(error) from None

    def pages(self, columns: Sequence[str], cursor: Cursor | None) -> Pages:
        """The pages from a cursor on, with these columns; to be closed."""
        return Pages(self, replace(self.request, columns=tuple(columns)), cursor)

    def _fault(self, error: Exception) -> SourceFault:
        return fault_of(error, self.integration, self.connector, (*self.request.sensitive, *self.renewed()))


class Pages:
    """The pages of a source, one at a time."""

    def __init__(self, source: Source, request: ExtractRequest, cursor: Cursor | None) -> None:
        self._source = source
        self._pages: Any = walk(source.extractor, request, cursor)

    async def next(self) -> ExtractedPage:
        """The next page. SourceFault; and a walk that has given its last page is not asked again."""
        try:
            return await anext(self._pages)
        except Exception as error:
            raise self._source._fault(error) from None  # pyright: ignore[reportPrivateUsage]  # its own pages

    async def close(self) -> None:
        """Read no further."""
        await self._pages.aclose()


async def open_source(
    services: Services, workspace: uuid.UUID, connector: uuid.UUID, extractor_slug: str, config: Mapping[str, Json]
) -> Source:
    """An extractor with the account of a connector of the workspace. SourceFault says why there is not one."""
    account, integration = await open_account(services, workspace, connector)
    extractor = integration.extractor(extractor_slug)
    if extractor is None:
        known = ", ".join(one.slug for one in integration.extractors)
        listed = f"it has: {known}" if known else "it fills no models"
        raise SourceFault("integrationNotCompatible", f"{integration.name} has no extractor {extractor_slug[:100]}; {listed}.")
    refuse_halted(account, integration, connector)
    request = request_of(services, workspace, integration, account, extractor.slug, config)
    return Source(connector, integration, extractor, request, services.once(Accounts, lambda: Accounts(services)).renewed)


def request_of(
    services: Services, workspace: uuid.UUID, integration: Integration, account: Account, slug: str, config: Mapping[str, Json]
) -> ExtractRequest:
    """What a list of an integration reads with."""
    service = open_service(services, workspace, integration, account, action=slug)
    return ExtractRequest(config, account.config, service, service.client, services.settings, sensitive=account.sensitive)


async def open_account(services: Services, workspace: uuid.UUID, connector: uuid.UUID) -> tuple[Account, Integration]:
    """The account of a connector of the workspace. SourceFault says why there is not one."""
    accounts = services.once(Accounts, lambda: Accounts(services))
    try:
        account = await accounts.of_connector(workspace, str(connector))
    except WrongKey as error:
        raise SourceFault("failed", f"The connector's secrets cannot be read: {error}") from None
    except SecretUnavailable as error:
        raise SourceFault("wait" if error.transient else "failed", str(error), SECRET_SECONDS) from None
    except InvalidConfig as error:
        raise SourceFault("failed", f"The connector cannot be used as it is: {error}") from None
    if account is None:
        raise SourceFault("connectorNotFound", f"There is no connector {connector}: it was removed.")
    integration = await known_integrations(services).find(workspace, account.integration_slug)
    if integration is None:
        raise SourceFault("integrationNotFound", f"There is no integration {account.integration_slug} on this server.")
    return account, integration


def refuse_halted(account: Account, integration: Integration, connector: uuid.UUID) -> None:
    """SourceFault where people have to let the account go on."""
    if account.halt is not None:
        raise SourceFault("halted", _halted(integration.name, account.halt, connector), HALTED_SECONDS)


def _halted(name: str, reason: str, connector: uuid.UUID) -> str:
    """What keeps a connector from being used, and what to do about it."""
    if reason == "connectorStopped":
        return f"The connector of {name} is stopped. Let it go on: cargo-ai connection connector start {connector}"
    return f"The connector of {name} is disconnected. Connect it again: cargo-ai connection connector connect --uuid {connector}"
