"""Watch a reply: show it at every change, repainted on a terminal, line by line elsewhere."""

from __future__ import annotations

import json
import os
import sys
import time
from urllib.parse import urljoin

from cargo_ai.cli import output
from cargo_ai.cli.client.download import SILENCE_SECONDS, open_url
from cargo_ai.cli.client.transport import ConnectionFailed
from cargo_ai.cli.failure import DONE, INTERRUPTED, LATER, UNFINISHED, Failure, failure, shell_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from cargo_ai.cli.client.api import Api

MAX_FAILURES = 5
"""This many connections in a row may end without a line before watching fails."""
PAUSE_SECONDS = 0.5


class Watch:
    """Shows `field` of a reply and of every line after its `url`, until a reply has no `url`. `ask` sends the request again."""

    def __init__(self, api: Api, field: str, raw: bool, argv: list[str]) -> None:
        self.api = api
        self.again = shell_line(argv)
        self.screen = Screen(field) if on_terminal() else Scroll(field, raw)
        self.deadline = api.started + api.settings.timeout if api.settings.timeout else None
        self._shown: Any = None
        self._failures = 0

    def run(self, document: Any, ask: Callable[[], Any]) -> int:
        """Watch to the end. Failure 8 when the time is up, 75 when the server does not answer, 130 on Ctrl-C; the run goes on."""
        try:
            self._show(document)
            while url := output.as_object(document).get("url"):
                self._follow(urljoin(self.api.base_url + "/", str(url)))
                document = ask()
                self._show(document)
            self.screen.end()
        except KeyboardInterrupt:
            raise self._stopped(INTERRUPTED, "interrupted", "Stopped watching; the run goes on.") from None
        except Failure as refusal:
            if self.deadline is not None and refusal.code != UNFINISHED and refusal.document.get("reason") == "timeout":
                raise self._unfinished() from None
            raise
        return DONE

    def _follow(self, url: str) -> None:
        """Follow one connection to its end. When it breaks, the caller asks again."""
        try:
            reply = open_url(self.api, url, self._seconds_of_silence())
            for line in _lines(reply.chunks()):
                self._failures = 0
                self._show(json.loads(line))
                reply.limit(self._seconds_of_silence())
        except (ConnectionFailed, Failure) as error:
            if isinstance(error, Failure) and error.code != LATER:
                raise
            self._seconds_of_silence()
            self._failures += 1
            self.api.debug(f"watching was cut off: {error}")
            if self._failures >= MAX_FAILURES:
                raise self._stopped(LATER, "connectionLost", f"The connection is lost again and again ({error}).") from None
            time.sleep(PAUSE_SECONDS)

    def _seconds_of_silence(self) -> float:
        """How long the server may be silent; Failure when the time is up."""
        if self.deadline is None:
            return SILENCE_SECONDS
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self._unfinished()
        return min(SILENCE_SECONDS, left)

    def _show(self, document: Any) -> None:
        shown = {name: value for name, value in output.as_object(document).items() if name != "url"}
        if shown != self._shown:
            self._shown = shown
            self.screen.show(shown)

    def _unfinished(self) -> Failure:
        return self._stopped(UNFINISHED, "timeout", f"The run has not ended within {self.api.settings.timeout:g} s; it goes on.")

    def _stopped(self, code: int, reason: str, sentence: str) -> Failure:
        """The failure of an unfinished watch, reported on stderr: stdout holds what was shown."""
        self.screen.end()
        output.say(f"{sentence} Watch it again with: {self.again}")
        return failure(code, reason, "")


class Scroll:
    """Prints one reply after the other: a line of JSON each, or the text alone with an empty line after it."""

    def __init__(self, field: str, raw: bool) -> None:
        self.field = field
        self.raw = raw

    def show(self, document: dict[str, Any]) -> None:
        """Print one reply."""
        if self.raw:
            output.print_text(str(document.get(self.field, "")) + "\n")
        else:
            output.write(json.dumps(document, separators=(",", ":")).encode() + b"\n")
        output.flush()

    def end(self) -> None:
        """Nothing to do."""


class Screen:
    """Shows the text on a terminal, each time in the place of the one before; the last one stays."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._painted = 0
        self._last: list[str] = []

    def show(self, document: dict[str, Any]) -> None:
        """Repaint. What does not fit is left out around the marked line; the last reply is shown whole."""
        text = str(document.get(self.field, ""))
        where = [str(document[name]) for name in ("runStatus", "nodeSlug") if document.get(name)]
        self._last = [*(output.clean(line) for line in text.splitlines()), "", output.clean(", at ".join(where))]
        width, height = _size()
        self._paint([_cut(line, width - 1) for line in _window(self._last, height - 1)])

    def end(self) -> None:
        """Leave the whole last reply on the screen."""
        if self._last and len(self._last) > self._painted:
            self._paint(self._last)
        self._painted = 0

    def _paint(self, lines: list[str]) -> None:
        up = f"\x1b[{self._painted}A\r\x1b[J" if self._painted else ""
        output.write((up + "".join(f"{line}\n" for line in lines)).encode("utf-8", "backslashreplace"))
        output.flush()
        self._painted = len(lines)


def on_terminal() -> bool:
    """Whether what is shown can be repainted."""
    return output.is_terminal(sys.stdout) and not output.is_dumb()


def _size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


def _window(lines: list[str], height: int) -> list[str]:
    """As many lines as fit, the marked one among them, and always the last two."""
    if len(lines) <= height or height < 5:
        return lines[-max(height, 1) :] if len(lines) > height else lines
    *body, blank, status = lines
    space = height - 4
    marked = next((at for at, line in enumerate(body) if " <- now" in line), len(body) - 1)
    first = max(0, min(marked - space // 2, len(body) - space))
    return ["…", *body[first : first + space], "…", blank, status]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
