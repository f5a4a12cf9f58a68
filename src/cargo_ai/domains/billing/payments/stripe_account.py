"""The operator's account at Stripe: calls of the official library, in threads of their own and with time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

from cargo_ai.context.process import Services
from cargo_ai.kernel import log
from cargo_ai.kernel.settings import Settings

if TYPE_CHECKING:
    from stripe import StripeClient, StripeError

T = TypeVar("T")
Kind = Literal["declined", "authentication", "missing", "invalid", "unavailable"]

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 12.0
CALL_SECONDS = 30.0
"""All of a call, with the library's repetitions."""
AT_ONCE = 4
NOT_CONFIGURED = (
    "There are no cards, checkouts and portal here: the operator of this server has not set STRIPE_API_KEY. "
    "`cargo-ai billing budget set` says how many credits the workspace may use."
)
NOT_INSTALLED = "the library for Stripe is not installed on this server: `pip install 'cargo-ai[billing]'`."

_log = log.get(__name__)


class StripeFailed(Exception):
    """Stripe did not do it. declined, authentication: the bank says no, or wants its customer to confirm; missing: what was named is not
    there; invalid: Stripe refuses the request; unavailable: it may be done later. `code`: Stripe's."""

    def __init__(self, kind: Kind, message: str, code: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.code = kind, message, code


class StripeAccount:
    """One per process. The library is imported with the first call, which takes a second."""

    def __init__(self, settings: Settings) -> None:
        self._key, self._address = settings.stripe_api_key, settings.service_addresses.get("stripe")
        self._client: StripeClient | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="stripe")

    async def call(self, work: Callable[[StripeClient], T]) -> T:
        """What `work` returns, which runs in a thread. Raises StripeFailed."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await loop.run_in_executor(self._threads, lambda: self._work(work))
        except TimeoutError:
            raise StripeFailed("unavailable", "it did not answer in time. Try again in a minute.") from None

    def _work(self, work: Callable[[StripeClient], T]) -> T:
        try:
            import stripe
        except ImportError:
            raise StripeFailed("unavailable", NOT_INSTALLED) from None
        try:
            return work(self._open())
        except stripe.StripeError as error:
            raise _to_failure(error) from None

    def _open(self) -> StripeClient:
        if self._client is None:
            from stripe import RequestsClient, StripeClient

            http = RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS))
            addresses = {} if self._address is None else {"base_addresses": {"api": self._address}}
            self._client = StripeClient(self._key, max_network_retries=1, http_client=http, **addresses)  # pyright: ignore[reportArgumentType]
        return self._client


def account_of(services: Services) -> StripeAccount | None:
    """The account at Stripe; None where credits are not sold."""
    if not services.settings.stripe_api_key:
        return None
    return services.once(StripeAccount, lambda: StripeAccount(services.settings))


def _to_failure(error: StripeError) -> StripeFailed:
    import stripe

    code = str(getattr(error, "code", None) or "")
    message = (error.user_message or "no reason was given").rstrip(".") + "."
    if isinstance(error, stripe.CardError):
        details = error.error
        decline = str((details.decline_code if details is not None else None) or code)
        return StripeFailed("authentication" if code == "authentication_required" else "declined", message, decline)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        _log.error("Stripe refuses the key of this server", cause=message[:200])
        return StripeFailed("unavailable", "it refuses this server's STRIPE_API_KEY. Its operator has to mend that.", code)
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        return StripeFailed("missing" if code == "resource_missing" else "invalid", message, code)
    return StripeFailed("unavailable", f"{message} Try again in a minute.", code)
