"""Read one answer from the bytes that come over a connection, strictly and within limits."""

from __future__ import annotations

import httptools

from cargo_ai.outbound.compression import TooLarge
from cargo_ai.outbound.message import Answer, Headers, Listener

# The headers of an answer, with those of interim answers before it and trailers after it.
HEAD_BYTES = 64 * 1024
# Sizes of chunks and their extensions may weigh this much beside 8 times the body.
FRAMING_BYTES = 64 * 1024
FRAMING_TIMES = 8

# So much of each answer is read in any case; what is beyond counts in the budget of all answers.
FREE_BYTES = 64 * 1024
# The most of a body that is handed on as it comes.
LISTENED_BYTES = 64 * 1024 * 1024
# Parts smaller than this are joined to those before: each costs some fifty bytes beside what it holds.
_SMALL_PART = 4 * 1024

_VERSIONS = frozenset({"1.0", "1.1"})


class Broken(Exception):
    """The connection ended or what came over it is not HTTP. `silent`: it ended before any byte of an answer."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


class Reader:
    """Feed it until `ended`; then `answer()` gives the answer or raises Broken or TooLarge.

    llhttp, which parses, refuses by itself what is ambiguous: folded headers, spaces before a colon, line breaks without CR, a second
    Content-Length, one beside Transfer-Encoding, sizes of chunks with a sign or spaces. A `listener` that wants the
    body gets it as it comes.
    """

    def __init__(self, method: str, most: int, listener: Listener | None = None) -> None:
        self._listener = listener
        self._listening = False
        self._bodiless = method == "HEAD"
        self._most = most
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._pairs: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._answer: Answer | None = None
        self._received = self._head = self._body = 0
        self._length: int | None = None
        self._interim = self._until_close = False
        self._problem: Exception | None = None
        self._whole = self._surplus = False
        self.reusable = False
        """Whether the connection is good for another request."""

    @property
    def ended(self) -> bool:
        """Whether the answer is whole or will never be."""
        return self._whole or self._problem is not None

    @property
    def outstanding(self) -> int:
        """How much larger than FREE_BYTES the answer may become, once it is larger and as long as it is read."""
        if self.ended or self._listening or self._body <= FREE_BYTES:
            return 0
        return (self._most if self._length is None else min(self._length, self._most)) - FREE_BYTES

    def answer(self) -> Answer:
        """The whole answer. Raises Broken and TooLarge."""
        if self._problem is not None:
            raise self._problem
        assert self._answer is not None
        return self._answer

    def feed(self, data: bytes) -> None:
        """Read what came."""
        assert self._parser is not None
        self._received += len(data)
        parts = len(self._parts)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.reusable = False
            if not self.ended:
                self._problem = Broken(f"the answer is not valid HTTP ({error})")
        self._join_parts(parts)
        if not self.ended:
            self._check_size()
        if self.ended:
            # It holds this reader, which would be a circle.
            self._parser = None

    def _join_parts(self, former: int) -> None:
        """Join the parts that came at once, with the one before where that is small."""
        start = former - 1 if former and len(self._parts[former - 1]) < _SMALL_PART else former
        if len(self._parts) > start + 1:
            self._parts[start:] = [b"".join(self._parts[start:])]

    def _check_size(self) -> None:
        if self._answer is None and self._received > HEAD_BYTES:
            self._problem = Broken("the headers of the answer are too large")
        elif self._received > HEAD_BYTES + FRAMING_BYTES + FRAMING_TIMES * self._body:
            self._problem = Broken("the answer comes in too small pieces")

    def finish(self, *, reset: bool) -> None:
        """The connection has ended: so has an answer without a length; any other was cut off."""
        self._parser, self.reusable = None, False
        if self.ended:
            return
        if self._until_close and not reset:
            self._whole = True
        elif self._received:
            self._problem = Broken("the answer was cut off")
        else:
            self._problem = Broken("it was reset" if reset else "it was closed without an answer", silent=True)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """What follows a whole answer was not asked for: it is not read."""
        if self._answer is not None:
            self.reusable, self._surplus = False, True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those after the body are left out."""
        self._head += len(name) + len(value)
        if self._head > HEAD_BYTES:
            self._fail(Broken("the headers of the answer are too large"))
        if self._answer is None:
            self._pairs.append((name, value))

    def on_headers_complete(self) -> None:
        """The headers are whole: those of an interim answer are forgotten."""
        assert self._parser is not None
        if self._whole:
            return
        status = self._parser.get_status_code()
        if self._parser.get_http_version() not in _VERSIONS or status < 100 or status == 101:
            self._fail(Broken("the answer speaks another protocol"))
        if status < 200:
            self._interim = True
            self._pairs.clear()
            return
        headers = Headers(self._pairs)
        coding = headers.get("transfer-encoding")
        if coding is not None and (coding.lower() != "chunked" or self._parser.get_http_version() != "1.1"):
            self._fail(Broken(f"the answer has the Transfer-Encoding {coding[:40]!r}"))
        length = headers.get("content-length") if coding is None else None
        self._length = None if length is None else int(length)
        self._until_close = coding is None and length is None
        self._answer = Answer(status, headers, self._parts)
        self._whole = self._bodiless
        self._listening = self._listener is not None and self._listener.begins(status, headers)

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        if self._whole:
            return
        self._body += len(part)
        if self._body > (LISTENED_BYTES if self._listening else self._most):
            self._fail(TooLarge())
        if self._listening and self._listener is not None:
            self._listener.part(part)
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """The answer is whole, or was an interim one."""
        if self._interim:
            self._interim = False
        elif self._parser is not None and not self._surplus:
            self._whole = True
            self.reusable = self._parser.should_keep_alive()

    def _fail(self, problem: Exception) -> None:
        if not self._whole:
            self._problem = problem
        raise problem
