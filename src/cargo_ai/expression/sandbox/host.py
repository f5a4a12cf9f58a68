"""The server's side of the sandbox: start zygotes, fork children, exchange messages with them, kill them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

from cargo_ai.expression.sandbox import jail
from cargo_ai.expression.sandbox.zygote import CONTROL, REPLY, REQUEST
from cargo_ai.kernel import log

Level = Literal["full", "partial", "none"]
Language = Literal["javascript", "python"]

MAX_REPLY_BYTES = 16 * 1024 * 1024
START_SECONDS = 60.0
CONTROL_SECONDS = 10.0
_LENGTH = struct.Struct("<I")
_BOOT = """
import os, sys
if {0} != {1}: os.dup2({0}, {1}); os.close({0})
sys.path[:] = sys.argv[1].split(os.pathsep)
from cargo_ai.expression.sandbox import zygote
zygote.main()
"""

_log = log.get(__name__)


@cache
def level() -> Level:
    """How well code of users is confined here. `full`: system calls are filtered. `partial` (macOS): processes of their own with limits,
    JavaScript only. `none`: neither, so expressions that need the engine, `script` and `python` are refused."""
    if find_spec("quickjs") is None:
        return "none"
    if jail.IS_LINUX:
        return "full" if jail.can_filter() else "none"
    return "partial" if sys.platform == "darwin" else "none"


def refusal(language: Language) -> str | None:
    """A sentence that says why code of the language is not run here, or None where it is."""
    if find_spec("quickjs") is None and language == "javascript":
        return "the package quickjs-ng is not installed; reinstall cargo-ai with its extra `server`"
    if level() == "full":
        return None
    if jail.IS_LINUX:
        return jail.why_unfiltered()
    if language == "python":
        return "Python code is only run on Linux, where it can be locked in"
    return None if level() == "partial" else "code of users is only run on Linux and macOS"


class WorkerCrashed(Exception):
    """A child is gone before it answered. `signal` is what ended it, -1 for an exit of its own.

    `from_outside`: what it was doing is not to blame: it was killed by others, or its zygote was. `late`: it was killed here, for its time.
    """

    def __init__(self, ended_by: int, *, from_outside: bool = False, late: bool = False) -> None:
        super().__init__(f"the child ended (signal {ended_by})")
        self.signal, self.from_outside, self.late = ended_by, from_outside, late

    @property
    def by_limit(self) -> bool:
        """Whether the kernel ended it for the CPU time it took."""
        return self.signal in (signal.SIGXCPU, signal.SIGPROF)


class ConnectionLost(Exception):
    """The zygote is gone; another one can be started."""


class SandboxUnavailable(Exception):
    """The sandbox cannot be used here; the message says why."""


class Zygote:
    """A running zygote of one language."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, left: list[str]) -> None:
        self._process, self._control = process, control
        self._turn = asyncio.Lock()
        self.left = left
        self.is_alive = True

    @classmethod
    async def start(cls, language: Language) -> Zygote:
        """Start one and wait until it is ready. Raises SandboxUnavailable where code of the language may not be run."""
        reason = refusal(language)
        if reason:
            raise SandboxUnavailable(reason)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = _launch(language, theirs.fileno())
        try:
            async with asyncio.timeout(START_SECONDS):
                ready = json.loads(await _receive(ours))
        except (OSError, _Disconnected, TimeoutError, ValueError) as error:
            ours.close()
            process.kill()
            process.wait()
            raise SandboxUnavailable(f"the sandbox did not start ({type(error).__name__}, exit code {process.returncode})") from None
        if "failed" in ready:
            ours.close()
            process.wait()
            raise SandboxUnavailable(f"the sandbox could not lock itself in: {ready['failed']}")
        zygote = cls(process, ours, list(ready["left"]))
        if jail.IS_LINUX and not ready["filtered"]:
            zygote.close()
            raise SandboxUnavailable("system calls could not be filtered in the sandbox, without which code of users is not run")
        _log.info("sandbox ready", language=language, left=ready["left"], uid=ready["uid"])
        return zygote

    async def fork(self, megabytes: int, cpu_seconds: int) -> Child:
        """A new child that may use this much memory beyond what it starts with, and this many CPU seconds in all.

        Raises ConnectionLost, SandboxUnavailable.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                pid = await self._ask(b"s", megabytes, cpu_seconds, theirs)
            except (_Disconnected, OSError, TimeoutError):
                ours.close()
                raise ConnectionLost from None
            except BaseException:
                ours.close()
                raise
        if pid <= 0:
            ours.close()
            raise SandboxUnavailable("the system lets no more processes be started")
        return Child(self, pid, ours)

    async def kill(self, pid: int) -> int:
        """End a child: the signal that had ended it before, 9 if it was alive, -1 for an exit of its own."""
        try:
            return await self._ask(b"k", pid, 0, None)
        except (_Disconnected, OSError, TimeoutError):
            return -1

    async def _ask(self, operation: bytes, first: int, second: int, attached: socket.socket | None) -> int:
        loop = asyncio.get_running_loop()
        async with self._turn:
            try:
                async with asyncio.timeout(CONTROL_SECONDS):
                    message = REQUEST.pack(operation, first, second)
                    if attached is None:
                        await loop.sock_sendall(self._control, message)
                    else:
                        socket.send_fds(self._control, [message], [attached.fileno()])
                    return int(REPLY.unpack(await _receive_exactly(self._control, REPLY.size))[0])
            except BaseException:
                self.close()  # a question without its answer: what comes next would belong to another one
                raise

    def close(self) -> None:
        """End the zygote and all its children."""
        if self.is_alive:
            self.is_alive = False
            self._control.close()
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)


def _launch(language: Language, control: int) -> subprocess.Popen[bytes]:
    """The zygote's process: our own Python and packages, nothing of our environment, no file but the control socket."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", _BOOT.format(control, CONTROL), path, language],
        pass_fds=[control],
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Child:
    """A forked child; one exchange at a time."""

    def __init__(self, zygote: Zygote, pid: int, connection: socket.socket) -> None:
        self._zygote, self._connection = zygote, connection
        self._received = bytearray()
        self.pid = pid
        self.calls = 0
        self.seconds = 0.0
        """How long its calls took in all: no less than the CPU time that they used."""

        self.known: dict[Any, int] = {}
        """The definitions that were sent to it, by their numbers: they need not be sent again."""

    @property
    def is_idle(self) -> bool:
        """Whether it is there and silent: a child that ended, or speaks without being asked, is not to be used."""
        if self._received:
            return False
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return self._zygote.is_alive
        except OSError:
            return False
        return False

    async def send(self, header: bytes, texts: list[bytes]) -> None:
        """Send one message. Raises WorkerCrashed."""
        length = 4 + len(header) + sum(map(len, texts))
        message = b"".join([_LENGTH.pack(length), _LENGTH.pack(len(header)), header, *texts])
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, message)
        except OSError:
            raise await self._crashed() from None

    async def receive(self, seconds: float) -> bytes:
        """The next message of the child, of any content. Raises WorkerCrashed, also when it took longer than `seconds` and was killed."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                while (message := self.buffered()) is None:
                    data = await loop.sock_recv(self._connection, 1 << 18)
                    if not data:
                        raise _Disconnected
                    self._received += data
                return message
        except TimeoutError:
            raise WorkerCrashed(await self.end(), late=True) from None
        except (OSError, _Disconnected):
            raise await self._crashed() from None

    async def _crashed(self) -> WorkerCrashed:
        ended_by = await self.end()
        return WorkerCrashed(ended_by, from_outside=ended_by == signal.SIGKILL or not self._zygote.is_alive)

    def buffered(self) -> bytes | None:
        """A message that is here already. Messages are never empty."""
        received = self._received
        if len(received) < 4:
            return None
        (length,) = _LENGTH.unpack_from(received)
        if length > MAX_REPLY_BYTES or length == 0:
            raise _Disconnected
        if len(received) < 4 + length:
            return None
        message = bytes(memoryview(received)[4 : 4 + length])
        del received[: 4 + length]
        return message

    async def end(self) -> int:
        """End it for good; the signal that it ended by."""
        self._connection.close()
        return await self._zygote.kill(self.pid)


class _Disconnected(Exception):
    """The other side closed."""


async def _receive(connection: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(await _receive_exactly(connection, 4))
    if length > MAX_REPLY_BYTES:
        raise _Disconnected
    return await _receive_exactly(connection, length)


async def _receive_exactly(connection: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = await loop.sock_recv(connection, count)
    if len(data) == count:
        return data
    parts = [data]
    missing = count - len(data)
    while missing and data:
        data = await loop.sock_recv(connection, min(missing, 1 << 20))
        parts.append(data)
        missing -= len(data)
    if missing:
        raise _Disconnected
    return b"".join(parts)
