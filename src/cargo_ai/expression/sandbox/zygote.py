"""The zygote: a process that loads what a sandbox needs, drops its privileges, and forks children on request.

It never runs code of users. On its control socket (descriptor 3) come 9 bytes (operation, two numbers) and go 4 (one number):
`s` (megabytes, CPU seconds; with a socket attached) forks a child that serves that socket: its pid, or -1. `k` (pid, 0) kills a child:
the signal that ended it, or -1 for an exit of its own.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cargo_ai.expression.sandbox import jail
from cargo_ai.expression.sandbox.frames import Channel, Closed
from cargo_ai.expression.sandbox.os_user import sandbox_user

CONTROL = 3
REQUEST = struct.Struct("<cII")
REPLY = struct.Struct("<i")


class Language(Protocol):
    """A module of this package that runs code: `prepare` once in the zygote, `serve` in each child."""

    CALLS: frozenset[str]

    def prepare(self) -> None:
        """Load what all children share."""
        ...

    def serve(self, channel: Channel) -> None:
        """Answer messages until the other side closes."""
        ...


def main() -> None:
    """Entry: `argv[-1]` is the language. Returns when the server has gone."""
    jail.die_with_parent()
    try:
        language, left = _lock_in(sys.argv[-1])
    except PermissionError as error:
        allow = "run the server as an ordinary user, or let it become another one (CAP_SETUID, CAP_SETGID)"
        _announce({"failed": f"{error.strerror}; {allow}"})
        return
    except (OSError, ImportError, MemoryError) as error:
        _announce({"failed": f"{type(error).__name__}: {error}"})
        return
    filtered = jail.can_filter() and _filters(language.CALLS)
    control = _announce({"filtered": filtered, "left": left, "uid": os.getuid()})
    _serve(control, language, filtered)
    os._exit(0)


def _lock_in(name: str) -> tuple[Language, list[str]]:
    """Load the language and leave the host as far as the system allows: the language, and what was left. OSError where it may not."""
    account = sandbox_user()
    # Without an account of its own, before there is a thread; with one, when all files are read that it may not be allowed to read.
    left = jail.enter_namespaces(None) if jail.IS_LINUX and account is None else []
    language: Language = importlib.import_module(f"cargo_ai.expression.sandbox.{name}")  # pyright: ignore[reportAssignmentType]
    _detach()
    language.prepare()
    jail.measure()
    if jail.IS_LINUX and account is not None:
        left = jail.enter_namespaces(account)
    jail.leave_files(left)
    jail.drop_privileges()
    jail.die_with_parent()  # again: a change of account makes the kernel forget it
    gc.collect()
    gc.freeze()
    return language, left


def _announce(state: dict[str, object]) -> socket.socket:
    control = socket.socket(fileno=CONTROL)
    text = json.dumps(state).encode()
    control.sendall(struct.pack("<I", len(text)) + text)
    return control


def _detach() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the server decides when it ends


def _filters(calls: frozenset[str]) -> bool:
    """Whether the filter can really be installed: a child tries."""
    child = os.fork()
    if child == 0:
        try:
            jail.filter_calls(calls)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return status == 0


def _serve(control: socket.socket, language: Language, filtered: bool) -> None:
    buffer, sockets = bytearray(), array.array("i")
    while True:
        data, ancillary, _, _ = control.recvmsg(REQUEST.size - len(buffer), socket.CMSG_SPACE(sockets.itemsize))
        if not data:
            return
        buffer += data
        for level, kind, received in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                sockets.frombytes(received[: sockets.itemsize])
        if len(buffer) < REQUEST.size:
            continue
        operation, first, second = REQUEST.unpack(buffer)
        buffer.clear()
        if operation == b"s" and sockets:
            channel = sockets.pop()
            answer = _fork(control, channel, partial(_child, channel, language, first, second, filtered))
        else:
            answer = _kill(first)
        control.sendall(REPLY.pack(answer))


def _fork(control: socket.socket, channel: int, run: Callable[[], None]) -> int:
    try:
        child = os.fork()
    except OSError:
        os.close(channel)
        return -1
    if child == 0:
        try:
            control.close()
            run()
        finally:  # whatever happens, a child never returns into the zygote's loop
            os._exit(70)
    os.close(channel)
    return child


def _child(descriptor: int, language: Language, megabytes: int, cpu_seconds: int, filtered: bool) -> None:
    jail.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    jail.limit(megabytes * 1024 * 1024, cpu_seconds)
    _forget_modules()
    if filtered:
        jail.filter_calls(language.CALLS)
    elif jail.IS_LINUX:
        return
    try:
        language.serve(Channel(descriptor))
    except Closed:
        os._exit(0)


def _forget_modules() -> None:
    """Take away what would let Python code call C functions or start processes; the filter is what really stops it."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("ctypes", "_ctypes", "subprocess", "_posixsubprocess", "multiprocessing"):
            del sys.modules[name]
    sys.path.clear()
    sys.path_importer_cache.clear()
    environment = os.environ  # noqa: TID251 - the child's own
    environment.clear()
    environment["TZ"] = "UTC"


def _kill(pid: int) -> int:
    """Kill and reap a child: the signal that ended it, -1 where it exited by itself or is not ours."""
    try:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    except OSError:
        return -1
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1
