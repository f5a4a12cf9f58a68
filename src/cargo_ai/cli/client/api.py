"""Call the API of a server: signed in, retried where that is safe, with refusals as exit codes."""

from __future__ import annotations

import json
import os
import time

from cargo_ai import __version__
from cargo_ai.cli import output
from cargo_ai.cli.client.transport import ConnectionFailed, StreamedResponse, exchange
from cargo_ai.cli.configuration.local_server import data_folder, running_url
from cargo_ai.cli.failure import DENIED, FAILED, LATER, Failure, failure, shell_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from cargo_ai.cli.configuration.settings import Settings

SILENCE_SECONDS = 300.0
TRIES = 4
LONGEST_PAUSE = 10.0


class Response:
    """A response with its whole body."""

    def __init__(self, reply: StreamedResponse, url: str) -> None:
        self.status = reply.status
        self.phrase = reply.phrase
        self.header = reply.header
        self.url = url
        self.body = reply.read()

    def document(self) -> Any:
        """The JSON of the body, `{}` for an empty one; Failure (1) when it is something else."""
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body)
        except ValueError:
            raise self._not_json() from None

    def check(self) -> Response:
        """Itself when the request was granted, else raises the refusal as a Failure."""
        if 200 <= self.status < 300:
            return self
        if 300 <= self.status < 400:
            where = output.clean(self.header("location"))[:200]
            sentence = f"{self.url} sends us on to {where}. If that is your server, sign in there: cargo-ai login --base-url URL."
            raise failure(FAILED, "redirected", sentence)
        try:
            document = output.as_object(json.loads(self.body))
        except ValueError:
            document = {}
        if not isinstance(document.get("errorMessage"), str):
            raise self._not_json()
        if self.status == 401:
            document.setdefault("fix", "cargo-ai login")
        raise Failure(self._code(), document)

    def _code(self) -> int:
        return DENIED if self.status in (401, 403) else LATER if self.status in (429, 503) else FAILED

    def _not_json(self) -> Failure:
        code = FAILED if self.status < 300 else self._code()
        start = output.clean(self.body[:800].decode("utf-8", "replace"))[:200]
        sentence = f"{self.url} answered {self.status} {self.phrase}, not as a cargo-ai server does. Is something else in between?"
        return failure(code, "unexpectedAnswer", sentence, status=self.status, body=start)


class Api:
    """Sends requests with the token and workspace of the settings."""

    def __init__(self, settings: Settings, token: str | None) -> None:
        self.settings = settings
        self.base_url = settings.base_url
        self.token = token
        self.workspace_uuid = settings.workspace_uuid
        self.started = time.monotonic()
        self._warned: set[str] = set()

    def call(
        self,
        verb: str,
        path: str,
        *,
        query: str = "",
        document: Any = None,
        body: Callable[[], Iterable[bytes]] | None = None,
        headers: dict[str, str] | None = None,
        seconds: float | None = None,
        persistent: bool = False,
        once: bool = False,
    ) -> Response:
        """One request to `<base URL><path>`. `document` goes as JSON; `body` is asked for a fresh stream at every try.

        Lost connections, 429, 503 and a proxy's 502 or 504 are tried again (the caller gives writes an Idempotency-Key);
        `persistent` also waits for a server that restarts, `once` never tries again.
        Returns the last response; raises Failure without one.
        """
        url = self.base_url + path + (f"?{query}" if query else "")
        sent = {**self.headers(), **(headers or {})}
        data = None if document is None else json.dumps(document).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        limit = seconds or self.settings.timeout or SILENCE_SECONDS
        tries = 10 if persistent else 1 if once else TRIES
        for attempt in range(tries):
            last = attempt + 1 == tries
            try:
                answer = self._once(verb, url, sent, body() if body else data, limit)
            except ConnectionFailed as error:
                if last or error.kind == "untrusted" or (error.kind != "broken" and not persistent):
                    raise self.no_answer(error) from None
                pause = _backoff(attempt)
            else:
                retry_pause = _pause(answer, attempt)
                if retry_pause is None or last:
                    return answer
                pause = retry_pause
            if self.settings.timeout and time.monotonic() + pause > self.started + self.settings.timeout:
                raise failure(LATER, "timeout", f"{self.base_url} did not answer within {self.settings.timeout:g} s.")
            self.debug(f"again in {pause:.1f} s")
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def headers(self) -> dict[str, str]:
        """Those of every request: who asks, and in which workspace."""
        headers = {"User-Agent": f"cargo-ai/{__version__}", "Accept": "application/json", "Connection": "close"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
            if self.workspace_uuid:
                headers["selected-workspace-uuid"] = self.workspace_uuid
        return headers

    def _once(self, verb: str, url: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None, seconds: float) -> Response:
        started = time.monotonic()
        shown = url.partition("?")[0] + "?…" if "token" in url.partition("?")[2].lower() else url
        self.debug(f"{verb} {shown}" + "".join(f"\n  {name}: {_masked(name, value)}" for name, value in headers.items()))
        try:
            answer = Response(exchange(verb, url, headers, body, seconds), self.base_url)
        except ConnectionFailed as error:
            self.debug(f"{error.kind} after {(time.monotonic() - started) * 1000:.0f} ms: {error.detail}")
            raise
        took = (time.monotonic() - started) * 1000
        request_id = output.clean(answer.header("x-request-id")) or "-"
        self.debug(f"{answer.status} in {took:.0f} ms, {len(answer.body)} bytes, request id {request_id}")
        self._warn(answer.header("x-cargo-warnings"))
        return answer

    def whole(self, reply: StreamedResponse) -> Response:
        """A reply with its body, for one that is not a stream."""
        return Response(reply, self.base_url)

    def debug(self, text: str) -> None:
        """A line on stderr under --debug."""
        if self.settings.debug:
            for line in text.splitlines():
                output.say("debug: " + line)

    def _warn(self, header: str) -> None:
        if not header or self.settings.quiet:
            return
        try:
            sentences: Any = json.loads(header)
        except ValueError:
            return
        for sentence in sentences if output.is_list(sentences) else []:
            if str(sentence) not in self._warned:  # every poll of a wait returns the same warning
                self._warned.add(str(sentence))
                output.say(f"warning: {output.clean(str(sentence))}")

    def no_answer(self, error: ConnectionFailed) -> Failure:
        """The Failure for a server that cannot be reached."""
        url = self.base_url
        if error.kind == "untrusted":
            sentence = f"The certificate of {url} is not trusted: {error.detail}. SSL_CERT_FILE can name the authority that signed it."
            return failure(FAILED, "untrustedCertificate", sentence)
        if error.kind == "noTls":
            sentence = f"{url} does not speak TLS as it should ({error.detail}). A server without TLS is named by http://."
            return failure(FAILED, "tlsFailed", sentence)
        if error.kind == "timeout":
            return failure(LATER, "timeout", f"{url} did not answer: {error.detail}. What was sent may have been done.")
        if error.kind == "broken":
            return failure(LATER, "connectionLost", f"The connection to {url} was lost ({error.detail}). Try again.")
        why = "" if error.kind == "refused" else f" ({error.detail})"
        local = running_url()
        if local and local != url:
            sentence = f"No server answers at {url}{why}; the server of {data_folder()} runs at {local}."
            return failure(LATER, "noServer", sentence, shell_line(["login", "--base-url", local]))
        ways = "start one with `cargo-ai server start`, or name another with `cargo-ai login --base-url URL`"
        sentence = f"No server answers at {url}{why}: {ways}."
        return failure(LATER, "noServer", sentence, "cargo-ai server start")


def new_key() -> str:
    """A random idempotency key, in the form of a version 4 UUID."""
    import uuid

    return str(uuid.uuid4())


def _masked(name: str, value: str) -> str:
    return f"Bearer …{value[-4:]}" if name == "Authorization" and len(value) > 24 else "…" if name == "Authorization" else value


def _pause(answer: Response, attempt: int) -> float | None:
    """Seconds to wait before another try, None when the response is final."""
    from_proxy = answer.status in (502, 504) and not answer.body.lstrip().startswith(b"{")
    if answer.status not in (429, 503) and not from_proxy:
        return None
    retry_after = answer.header("retry-after").strip()
    if not retry_after.isdigit():
        return _backoff(attempt)
    return max(float(retry_after), 0.05) if float(retry_after) <= LONGEST_PAUSE else None


def _backoff(attempt: int) -> float:
    """0.25 s, doubled each time up to 5 s, with some jitter, so that many clients do not return together."""
    return min(5.0, 0.25 * 2**attempt) * (0.75 + os.urandom(1)[0] / 512)
