"""Read a multipart/form-data body as it arrives, with its one file as a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

_MAX_OUTSIDE_BYTES = 1024 * 1024  # of other fields, headers and boundaries
_MAX_TEXT_BYTES = 1024


class NoFile(ValueError):
    """The body is not a form, or its field has no file."""


class FormBroken(ValueError):
    """The body is a form that cannot be read to its end; the message says why."""


class FormTooLarge(ValueError):
    """The file is larger than it may be."""


class FileForm:
    """One form with one file, in the field `field`, and short texts in the fields `texts`; other fields are skipped.

    Open it, then read `data()` to its end: only that proves that the file arrived whole, and only then all `texts` are there.
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes], field: str, most_bytes: int, texts: Collection[str] = ()) -> None:
        self.name = ""
        self.content_type = ""
        self._texts = {name: bytearray() for name in texts}
        self._text: bytearray | None = None
        self._body = body
        self._field = field.encode()
        self._most = most_bytes
        self._size = self._outside = 0
        self._pending: deque[bytes] = deque()
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._found = self._inside = self._ended = False
        self._parser = self._new_parser(content_type)

    @property
    def texts(self) -> dict[str, str]:
        """The texts that the form has, by field."""
        return {name: text.decode("utf-8", "replace") for name, text in self._texts.items() if text}

    async def open(self) -> None:
        """Read up to the file: afterwards `name` and `content_type` are known. NoFile, FormBroken, FormTooLarge."""
        while not self._found:
            if not await self._read():
                raise NoFile

    async def data(self) -> AsyncGenerator[bytes]:
        """The file's bytes, then the rest of the form unread. FormBroken when the body ends before the form does; FormTooLarge."""
        while True:
            while self._pending:
                yield self._pending.popleft()
            if not await self._read():
                break
        if not self._ended:
            raise FormBroken("it ended before its last boundary")

    async def _read(self) -> bool:
        """Parse the next piece of the body; False at its end."""
        piece = await anext(self._body, None)
        if piece is None:
            return False
        before = self._size
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise FormBroken(f"it is not a valid form ({error})") from None
        self._outside += len(piece) - (self._size - before)
        if self._size > self._most:
            raise FormTooLarge
        if self._outside > _MAX_OUTSIDE_BYTES:
            raise FormBroken("there is too much in it besides the file")
        return True

    def _new_parser(self, content_type: str) -> MultipartParser:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise NoFile
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise FormBroken(f"its boundary is not valid ({error})") from None

    def _on_part_begin(self) -> None:
        self._headers, self._header = {}, (bytearray(), bytearray())

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") != self._field or b"filename" not in options:
            self._text = self._texts.get(options.get(b"name", b"").decode("utf-8", "replace"))
            return
        if self._found:
            raise FormBroken("it has more than one file; send one at a time")
        self._found = self._inside = True
        self.name = options[b"filename"].decode("utf-8", "replace")
        self.content_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._size += end - start
            if self._size <= self._most:
                self._pending.append(data[start:end])
        elif self._text is not None:
            if len(self._text) + end - start > _MAX_TEXT_BYTES:
                raise FormBroken("one of its texts is too long")
            self._text += data[start:end]

    def _on_part_end(self) -> None:
        self._inside, self._text = False, None

    def _on_end(self) -> None:
        self._ended = True
