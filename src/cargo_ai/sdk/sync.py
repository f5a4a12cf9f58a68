"""Cargo: the Python client for code without an event loop."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import httpx

from cargo_ai.kernel.operation import Operation, Reason, Req, Res
from cargo_ai.sdk import exchange, nouns, sign_in
from cargo_ai.sdk.downloads import Download, Format, JsonObject
from cargo_ai.sdk.exchange import Exchange, Outcome, Send, Settings
from cargo_ai.sdk.live import Events
from cargo_ai.sdk.nouns import Method
from cargo_ai.sdk.pages import Walk
from cargo_ai.sdk.uploads import Upload, upload_of

if TYPE_CHECKING:
    # The signatures of all methods: generated, and read by editors and type checkers only.
    from cargo_ai.sdk.typed.sync import Domains  # pyright: ignore[reportMissingModuleSource]
else:
    from cargo_ai.sdk.nouns import Root as Domains


class Cargo(Domains):
    """The client: `with Cargo() as client: client.orchestration.batch.get(uuid)`, named as the commands are.

    Without arguments it signs in as the command line does: environment, project file, profile, then the server on this machine.
    Calls raise CargoError; lost connections and busy servers are met again for `retry_seconds`, writes under an idempotency key.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        base_url: str | None = None,
        workspace_uuid: str | None = None,
        profile: str | None = None,
        timeout: float = exchange.SILENCE_SECONDS,
        retry_seconds: float = 30.0,
    ) -> None:
        self._open(sign_in.settings(token, base_url, workspace_uuid, profile, timeout, retry_seconds), None)

    @classmethod
    def of(cls, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> Self:
        """A client of exactly these settings, whatever the environment says."""
        client = cls.__new__(cls)
        client._open(settings, transport)
        return client

    def _open(self, settings: Settings, transport: httpx.BaseTransport | None) -> None:
        self.settings = settings
        self._http = httpx.Client(base_url=settings.base_url, headers=settings.headers(), timeout=settings.timeout, transport=transport)
        # Signed links are fetched without the token: they may lead to another host.
        self._files = httpx.Client(headers=settings.public_headers(), timeout=settings.timeout, transport=transport, follow_redirects=True)
        self._tree = nouns.Branch("client", nouns.index(), self._invoke)

    def call(self, operation: Operation[Req, Res, Reason], request: Req, *, idempotency_key: str | None = None) -> Res:
        """The reply to one declared operation; the methods of the domains are made of this."""
        return self._call(operation, request, idempotency_key, None)

    def wait(self, operation: Operation[Req, Res, Reason], request: Req, *, timeout: float | None = None) -> Res:
        """Wait for the end of a piece of work, as an operation shows it, and return its final reply; Unfinished after `timeout` seconds."""
        return self._drive(exchange.finish(operation, request, timeout, self.settings.retry_seconds))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _invoke(self, method: Method, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        match method.entry["kind"]:
            case "wait":
                (timeout,) = nouns.take(kwargs, "timeout")
                return self.wait(method.operation, method.request(method.arguments(args, kwargs)), timeout=timeout)
            case "pages":
                page_size, max_rows = nouns.take(kwargs, "page_size", "max_rows")
                assert "paging" in method.entry
                arguments = method.arguments(args, kwargs)
                method.request(arguments)  # a wrong argument is reported here, not with the first row
                walk = Walk(method.path, method.entry["paging"], arguments, page_size, max_rows)
                return self._pages(method, walk)
            case "download":
                return self._download(method, method.arguments(args, kwargs))
            case "events":
                return self._events(Events(method.operation, method.request(method.arguments(args, kwargs))))
            case "upload":
                name, key = nouns.take(kwargs, "name", "idempotency_key")
                arguments = method.arguments(args, kwargs)
                field = method.operation.cli.upload or ""
                with upload_of(field, arguments[field], name) as upload:
                    return self._call(method.operation, method.request({**arguments, field: upload.name}), key, upload)
            case _:
                (key,) = nouns.take(kwargs, "idempotency_key")
                return self._call(method.operation, method.request(method.arguments(args, kwargs)), key, None)

    def _call(self, operation: Operation[Req, Res, Reason], request: Req, key: str | None, upload: Upload | None) -> Res:
        return self._drive(exchange.call(operation, request, idempotency_key=key, retry_seconds=self.settings.retry_seconds, upload=upload))

    def _pages(self, method: Method, walk: Walk) -> Iterator[Any]:
        while (arguments := walk.request()) is not None:
            yield from walk.take(self._call(method.operation, method.request(arguments), None, None))

    def _download(self, method: Method, arguments: dict[str, Any]) -> Download:
        if "format" in arguments:
            raise TypeError(f'{method.path}() takes no format: say it with save("FILE.csv") or url(format="csv").')
        method.request(arguments)  # a wrong argument is reported here, not where the rows are read

        def link(format: Format | None) -> str:
            chosen = {"format": format} if format and "format" in method.operation.request.model_fields else {}
            return urljoin(
                self.settings.base_url + "/", self._call(method.operation, method.request({**arguments, **chosen}), None, None).url
            )

        return Download(link, self._stream, self._lines)

    def _stream(self, url: str) -> Iterator[bytes]:
        try:
            with self._files.stream("GET", url) as response:
                if not response.is_success:
                    response.read()
                    raise exchange.refusal_of(response)
                yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise exchange.unreachable(error) from error

    def _lines(self, url: str) -> Iterator[str]:
        rest = b""
        for chunk in self._stream(url):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in lines)
        yield rest.decode()

    def _events(self, events: Events) -> Iterator[JsonObject]:
        while not events.ended:
            failed = None
            try:
                with self._http.stream("GET", events.path, headers=events.headers()) as response:
                    if not events.begins(response.status_code):
                        if events.ended:
                            return
                        response.read()
                        raise exchange.refusal_of(response)
                    for line in response.iter_lines():
                        if (data := events.data(line)) is not None:
                            yield json.loads(data)
            except httpx.TransportError as error:
                failed = error
            if not events.ended:
                events.lost(failed)
                time.sleep(events.pause())

    def _drive(self, steps: Exchange[Res]) -> Res:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: Res = end.value
                return result
            if isinstance(step, Send):
                outcome = self._send(step)
            else:
                outcome = None
                time.sleep(step.seconds)

    def _send(self, step: Send) -> Outcome:
        limit = self.settings.timeout + step.extra_seconds
        try:
            if step.upload is None:
                return self._http.request(step.verb, step.path, json=step.body, headers=step.headers, timeout=limit)
            file = step.upload.open()
            try:
                form = {step.upload.field: (step.upload.name, file, step.upload.content_type)}
                return self._http.request(step.verb, step.path, data=step.body, files=form, headers=step.headers, timeout=limit)
            finally:
                step.upload.close(file)
        except httpx.TransportError as error:
            return error
