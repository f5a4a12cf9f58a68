"""The socket that the supervisor binds and all API processes accept from: made before them, and emptied before they are stopped."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
import time
from contextlib import suppress

from cargo_ai.kernel import clock

BACKLOG = 512
LOOK_SECONDS = 0.1
_ATTACH_FILTER = 26
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A socket filter (classic BPF) of one instruction, which lets no packet through."""

_UNACKED = 24
"""Where Linux' `struct tcp_info` has `tcpi_unacked`: of a socket that listens, the length of its queue."""


def bind(host: str, port: int, patience_seconds: float = 0.0) -> socket.socket:
    """Listen there, at 0 at any free port; for so long, wait for who still does. OSError."""
    until = clock.seconds() + patience_seconds
    while True:
        try:
            return _bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or clock.seconds() >= until:
                raise
        time.sleep(LOOK_SECONDS)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port or _free_port(family, host)))
    except OSError:
        bound.close()
        raise
    bound.listen(BACKLOG)
    return bound


def let_no_one_in(bound: socket.socket) -> None:
    """Let no client connect from now on: the system tries again for it, until it is refused since nothing listens, or the next server does.

    A client that had connected when the socket was closed would see its connection break, though it may have sent its request.
    """
    if sys.platform != "linux":
        return  # there is no such filter
    code = ctypes.create_string_buffer(_RETURN_NOTHING)
    # A sandbox of a container may refuse it.
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(code)))


def queue_length(bound: socket.socket) -> int:
    """How many connections no process has accepted yet; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    try:
        (waiting,) = struct.unpack_from("I", bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED + 4), _UNACKED)
        return int(waiting)
    except (OSError, struct.error):
        return 0


def _free_port(family: socket.AddressFamily, host: str) -> int:
    """A port that is free now. Asked for by its number, a socket keeps it when it stops listening and listens again."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
