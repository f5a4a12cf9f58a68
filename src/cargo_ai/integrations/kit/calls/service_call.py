"""Services: the calls of actions, signed in, within the rate limits, with answers that the service's error table has read."""

from __future__ import annotations

import asyncio
import json as json_text
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode

from cargo_ai import __version__
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.engine.limits.policy import Policy
from cargo_ai.integrations.kit.calls.admission import Admission, CallShape, Unlimited
from cargo_ai.integrations.kit.calls.body import headers_of, json_of, one_line, text_of
from cargo_ai.integrations.kit.calls.waiting import RETRY_AFTER, wait_of
from cargo_ai.integrations.kit.errors import ErrorRule, ServiceError, Throttled, rule_of, words_of
from cargo_ai.integrations.kit.secret_texts import scrub
from cargo_ai.integrations.kit.signing.sign_in import Credentials, Signer
from cargo_ai.kernel import clock, metrics, traces
from cargo_ai.kernel.traces import Place, Span
from cargo_ai.outbound.exchange import RESPONSE_BYTES, ExchangeFailed, OutboundRequest, OutboundResponse, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.message import Listener
from cargo_ai.outbound.url import InvalidUrl, Url, is_absolute, parse_base_url, parse_url

Json = Any
Config = Mapping[str, Json]

IN_PLACE_SECONDS = 2.0
"""Shorter waits are sat out here; for longer ones the run is parked."""
IN_PLACE_AFTER_CHANGE_SECONDS = 60.0
"""The same, once the action has changed something: to park it now would repeat the change."""
PACE_SECONDS = 10.0
"""How long to wait, once to twice, for a service that has had too many calls and does not say for how long."""
SAID = 500

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How a service is called.

    base_url: its address, or how it follows from an account's config. headers: of every call.
    errors: its error table; what is in none of its rules means what HTTP says. wait_headers: those that say how long to wait.
    policies: how many calls it takes, of which kind, in which time.
    words: finds the vendor's sentence in the body of an error. timeout: seconds. most_bytes: of the body of an answer.
    idempotency_header: in which it takes a key against doubles; every changing call of an action then has its own.
    """

    base_url: str | Callable[[Config], str]
    errors: tuple[ErrorRule, ...] = ()
    policies: tuple[Policy, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    wait_headers: tuple[str, ...] = RETRY_AFTER
    words: Callable[[Json], str] = words_of
    idempotency_header: str = ""
    timeout: float = 30.0
    most_bytes: int = RESPONSE_BYTES

    def address(self, config: Config) -> str:
        """The base address for an account, without a slash at its end."""
        base = self.base_url if isinstance(self.base_url, str) else self.base_url(config)
        return base.rstrip("/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered. `headers` in lower case; `body` is JSON (None: empty), or text where that was asked for."""

    status: int
    headers: Mapping[str, str]
    body: Json


@dataclass(slots=True)
class Service:
    """The service as one attempt of an action sees it. Failures are raised: ServiceError, Throttled, InvalidConfig for a bad path.

    key: what is the same for all attempts; the n-th changing call gets `key`, `key:2`, `key:3`…
    changed: a call that changes something was sent, so that waiting here is better than starting over.
    admitted: called each time that the rate limits have let a call go.
    connector, workspace: their uuids, for services that want to know.
    """

    spec: ServiceSpec
    name: str
    client: HttpClient
    account: Signer | None = None
    admission: Admission = field(default_factory=Unlimited)
    action: str = ""
    key: str = ""
    sensitive: tuple[str, ...] = ()
    changed: bool = False
    admitted: Callable[[], object] = _nothing
    connector: str = ""
    workspace: str = ""
    _changes: int = 0

    async def get(self, path: str, *, query: Config | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Read."""
        return await self.call("GET", path, query=query, headers=headers)

    async def post(
        self, path: str, *, json: Json = None, form: Config | None = None, query: Config | None = None, reads: bool = False
    ) -> Answer:
        """Make, or search: `reads` says that it changes nothing."""
        return await self.call("POST", path, json=json, form=form, query=query, reads=reads)

    async def put(self, path: str, *, json: Json = None, form: Config | None = None, query: Config | None = None) -> Answer:
        """Replace."""
        return await self.call("PUT", path, json=json, form=form, query=query)

    async def patch(self, path: str, *, json: Json = None, form: Config | None = None, query: Config | None = None) -> Answer:
        """Change."""
        return await self.call("PATCH", path, json=json, form=form, query=query)

    async def delete(self, path: str, *, json: Json = None, query: Config | None = None) -> Answer:
        """Remove."""
        return await self.call("DELETE", path, json=json, query=query)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Config | None = None,
        json: Json = None,
        form: Config | None = None,
        content: tuple[bytes, str] | None = None,
        headers: Mapping[str, str] | None = None,
        reads: bool | None = None,
        resource: str = "",
        expect: Literal["json", "text"] = "json",
        timeout: float | None = None,
        listener: Listener | None = None,
    ) -> Answer:
        """Call the service.

        path: relative to its address (`segment` writes a value into it), or a whole URL of its host, as in a link to the next page.
        query: lists repeat, None is left out. content: a body that is neither JSON nor a form, and its type. reads: whether it changes and
        costs nothing, so that it may be repeated; by default what the method says. resource: what a rate limit may count by. expect: how to
        read the body. listener: takes the body as it comes, where it wants to; the answer is without it then.
        """
        reads = method in _READING if reads is None else reads
        base = self.spec.address(self._config)
        url = self._url(base, path)
        outgoing = _Outgoing(method, url, {**self.spec.headers, **(headers or {})}, query or {}, *(content or _body(json, form)), listener)
        outgoing.headers |= self._key_header(reads)
        shape = CallShape(self.action, method, url.path[len(parse_base_url(base).path.rstrip("/")) :] or "/", resource)
        return await self._call(outgoing, shape, reads, expect, timeout or self.spec.timeout)

    async def _call(self, outgoing: _Outgoing, shape: CallShape, reads: bool, expect: str, timeout: float) -> Answer:
        refresh = False
        waited = 0.0
        while True:
            credentials = Credentials() if self.account is None else await self.account.credentials(refresh=refresh)
            response = await self._exchange(outgoing.request(credentials, timeout, repeatable=reads), shape, reads, outgoing.listener)
            answer, valid = _read(response, expect)
            rule = rule_of(self.spec.errors, answer.status, answer.headers, answer.body)
            if rule is None or rule.then == "ignore":
                if not valid:
                    raise self._not_json(answer, reads)
                return answer
            if rule.then == "refresh_then_retry" and not refresh and self.account is not None and self.account.refreshable:
                refresh = True
                continue
            error = self._error(rule, answer, reads)
            seconds = error.retry_after
            if rule.then == "wait" and (closed := wait_of(answer.headers, self.spec.wait_headers) or rule.seconds):
                await self.admission.close(shape, closed)
            if rule.then != "wait" or seconds is None or waited + seconds > self._patience:
                raise error
            # The service has refused the call unseen: it may be repeated whatever it does.
            await asyncio.sleep(seconds)
            waited += seconds

    @property
    def _config(self) -> Config:
        return {} if self.account is None else self.account.config

    @property
    def _spread(self) -> float:
        """From 0 to 1, different for each execution: runs that were sent away together do not come back together."""
        return zlib.crc32(self.key.encode()) / 2**32

    @property
    def _patience(self) -> float:
        return IN_PLACE_AFTER_CHANGE_SECONDS if self.changed else IN_PLACE_SECONDS

    def _key_header(self, reads: bool) -> dict[str, str]:
        if reads or not self.spec.idempotency_header or not self.key:
            return {}
        self._changes += 1
        return {self.spec.idempotency_header: self.key if self._changes == 1 else f"{self.key}:{self._changes}"}

    def _url(self, base: str, path: str) -> Url:
        try:
            url = parse_url(path if is_absolute(path) else f"{base}/{path.lstrip('/')}")
            home = parse_base_url(base)
        except InvalidUrl:
            raise InvalidConfig(f"The address of {self.name} is not valid.") from None
        # A link to the next page is the service's own word; credentials still go to that host only.
        if url.origin != home.origin:
            raise ServiceError(f"{self.name} refers to an address of another host.", reason="foreignAddress")
        return url

    async def admit(self, method: str = "", path: str = "", *, resource: str = "") -> None:
        """Return when the rate limits let one call go, and count it: for services that are not called over HTTP. Throttled: not soon."""
        await self._admit(CallShape(self.action, method, path, resource))

    async def exchange(self, request: OutboundRequest, *, listener: Listener | None = None) -> OutboundResponse:
        """Send a request as it is, within the rate limits: for integrations that sign in and read answers themselves.

        Raises ExchangeFailed and OutboundRefused besides Throttled.
        """
        shape = CallShape(self.action, request.method, request.url.path)
        await self._admit(shape)
        response = await self._send(request, listener=listener)
        await self.admission.observe(shape, response.status, headers_of(response))
        return response

    async def _exchange(
        self, request: OutboundRequest, shape: CallShape, reads: bool, listener: Listener | None = None
    ) -> OutboundResponse:
        await self._admit(shape)
        try:
            response = await self._send(request, most_bytes=self.spec.most_bytes, listener=listener)
        except OutboundRefused as error:
            raise ServiceError(self._scrub(str(error)), reason="addressRefused") from None
        except ExchangeFailed as error:
            sent = error.sent and not reads
            self.changed = self.changed or sent
            raise ServiceError(self._scrub(str(error)), transient=error.transient, reason="unreachable", sent=sent) from None
        # A service that broke may have acted all the same.
        self.changed = self.changed or (not reads and not 400 <= response.status < 500)
        await self.admission.observe(shape, response.status, headers_of(response))
        return response

    async def _send(
        self, request: OutboundRequest, *, most_bytes: int = RESPONSE_BYTES, listener: Listener | None = None
    ) -> OutboundResponse:
        began, outcome, started = clock.seconds(), "failed", clock.now_ms()
        try:
            response = await send(self.client, request, most_bytes=most_bytes, listener=listener)
            outcome = str(response.status)
            return response
        finally:
            metrics.count("calls", (self.name, outcome))
            seconds = clock.seconds() - began
            metrics.time("call", (self.name,), seconds)
            if (place := traces.current()) is not None:
                self._trace(place, request, outcome, started, seconds)

    def _trace(self, above: Place, request: OutboundRequest, outcome: str, started: int, seconds: float) -> None:
        """A span for a call: where it went to and what came back. No path and no query: they may hold what only the service may know."""
        about: dict[str, str | int | float] = {"cargo.integration": self.name, "cargo.action": self.action}
        about |= {"http.request.method": request.method, "server.address": request.url.host}
        if outcome.isdigit():
            about["http.response.status_code"] = int(outcome)
        at = traces.nanoseconds(started)
        place = Place(above.trace, traces.chance_id())
        failed = not outcome.isdigit() or int(outcome) >= 400
        name = f"{request.method} {self.name}"
        traces.send(Span(name, "client", place, above.span, at, at + int(seconds * 1e9), about, failed))

    async def _admit(self, shape: CallShape) -> None:
        """Return when the call may go; short waits are sat out here."""
        if seconds := await self.admission.admit(shape, self._patience):
            if self.changed:
                text = f"{self.name}: a rate limit lets no call through for {seconds:.0f} seconds, in the middle of this node's work."
                raise ServiceError(text, transient=True, retry_after=seconds, reason="rateLimited", sent=True)
            raise Throttled(seconds, self.admission.why(shape))
        self.admitted()

    def _error(self, rule: ErrorRule, answer: Answer, reads: bool) -> ServiceError:
        said = one_line(self.spec.words(answer.body), self._scrub, SAID)
        if rule.message is not None:
            text = f"{self.name}: {rule.message.replace('{said}', said)}"
        else:
            text = f"{self.name} answered {answer.status}" + (f": {said}" if said else ".")
        wait = wait_of(answer.headers, self.spec.wait_headers)
        if rule.then == "wait":
            wait = wait or rule.seconds or PACE_SECONDS * (1 + self._spread)
        elif answer.status != 503:
            wait = None
        return ServiceError(
            text,
            status=answer.status,
            body=answer.body,
            transient=rule.then in ("retry", "wait"),
            retry_after=wait,
            reason=rule.reason or ("rateLimited" if rule.then == "wait" else None),
            sent=rule.then == "retry" and not reads,
        )

    def _not_json(self, answer: Answer, reads: bool) -> ServiceError:
        said = one_line(str(answer.body), self._scrub)
        text = f"{self.name} answered {answer.status} with something that is not JSON: {said}"
        return ServiceError(text, status=answer.status, transient=True, reason="notJson", sent=not reads)

    def _scrub(self, text: str) -> str:
        return scrub(text, self.sensitive)


@dataclass(slots=True)
class _Outgoing:
    """A call before it is signed in."""

    method: str
    url: Url
    headers: dict[str, str]
    query: Config
    body: bytes | None
    content_type: str
    listener: Listener | None = None

    def request(self, credentials: Credentials, timeout: float, *, repeatable: bool) -> OutboundRequest:
        """The request with the credentials, which win over all else. `repeatable`: it may arrive twice."""
        headers = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": f"cargo-ai/{__version__}"}
        if self.body is not None:
            headers["content-type"] = self.content_type
        for more in (self.headers, credentials.headers):
            headers |= {name.lower(): value for name, value in more.items()}
        url = self.url.with_query(urlencode([*_pairs(self.query), *credentials.query.items()]))
        if credentials.sign is not None:
            headers |= credentials.sign(self.method, url, headers, self.body or b"")
        return OutboundRequest(
            self.method,
            url,
            tuple((name, value.encode()) for name, value in headers.items()),
            self.body,
            timeout,
            repeatable,
        )


def segment(value: object) -> str:
    """A value as one part of a path: what is special in addresses is escaped. InvalidConfig for what would lead elsewhere."""
    text = str(value)
    if text in ("", ".", ".."):
        raise InvalidConfig(f"{text!r} cannot be part of an address: an id is missing.")
    return quote(text, safe="")


def _body(json: Json, form: Config | None) -> tuple[bytes | None, str]:
    if form is not None:
        return urlencode(list(_pairs(form))).encode(), "application/x-www-form-urlencoded"
    if json is None:
        return None, ""
    return json_text.dumps(json, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), "application/json"


def _pairs(table: Config) -> list[tuple[str, str]]:
    return [
        (name, ("true" if item else "false") if isinstance(item, bool) else str(item))
        for name, value in table.items()
        for item in (cast("list[Json]", value) if isinstance(value, (list, tuple)) else [value])
        if item is not None
    ]


def _read(response: OutboundResponse, expect: str) -> tuple[Answer, bool]:
    """The answer, and whether its body is what was expected."""
    headers = headers_of(response)
    if expect == "text" and response.status < 400:
        return Answer(response.status, headers, text_of(response)), True
    try:
        return Answer(response.status, headers, json_of(response)), True
    except ValueError:
        return Answer(response.status, headers, text_of(response)), False
