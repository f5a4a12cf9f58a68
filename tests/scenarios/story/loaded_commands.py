"""Commands as processes that begin with the command line loaded: starting Python and importing it is most of what a short command takes.

Each command is a process of its own, forked from one that has run nothing; its words, environment, folder and streams are those given.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MOST_BYTES = 1_000_000
LOADED = ("cargo_ai.cli.run", "cargo_ai.cli.client.api", "cargo_ai.cli.formats.reply", "cargo_ai.cli.arguments.parse", "ssl")


class LoadedCommands:
    """The process that has loaded the command line."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._channel, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
        with theirs:
            words = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], start_new_session=True)

    def run(self, words: Sequence[str], stdin: str, cwd: Path, env: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
        """How a command ended. TimeoutError after the seconds, and then no other can be run."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            request = json.dumps({"words": [*words], "cwd": str(cwd), "env": {**env}}).encode()
            self._channel.settimeout(seconds)
            socket.send_fds(self._channel, [request], [given.fileno(), out.fileno(), err.fileno()])
            code = int(self._channel.recv(100))
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([*words], code, out.read().decode(), err.read().decode())

    def end(self) -> None:
        """End the process, and what it may still be running."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._channel.close()


def serve(channel: socket.socket) -> None:
    """Fork a process for each command that is asked for; return in it, with its words, or at the end."""
    while True:
        message, streams, _, _ = socket.recv_fds(channel, MOST_BYTES, 3)
        if not message:
            sys.exit(0)
        child = os.fork()
        if not child:
            channel.close()
            _become(json.loads(message), streams)
            return
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: dict[str, Any], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["cargo-ai", *request["words"]]


if __name__ == "__main__":
    import importlib

    sys.path.pop(0)  # this folder
    from cargo_ai.cli.main import main

    for module in LOADED:
        importlib.import_module(module)
    serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main())
