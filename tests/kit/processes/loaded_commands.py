"""Commands as processes that begin with the command line loaded: starting Python and importing it is most of what a short command takes.

Each command is a process of its own, forked from one that has run nothing; its words, environment, folder and streams are those given.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

LOADED = (
    *("cargo_ai.cli.run", "cargo_ai.cli.client.api", "cargo_ai.cli.formats.reply", "cargo_ai.cli.arguments.parse"),
    *("cargo_ai.cli.help", "cargo_ai.cli.words.commands", "http.client", "ssl", "encodings.idna"),
)
LENGTH_BYTES = 8


class LoadedCommands:
    """The process that has loaded the command line. Several threads may run commands at once."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            words = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], start_new_session=True)

    def run(
        self, words: Sequence[str], stdin: bytes, cwd: Path, env: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        """How a command ended. subprocess.TimeoutExpired after the seconds; it is killed then."""
        # What sets Python itself is read at its start.
        if any(name.startswith("PYTHON") and os.environ.get(name) != value for name, value in env.items()):
            command = [sys.executable, "-m", "cargo_ai", *words]
            return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=env, timeout=seconds, check=False)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            code = self._code_of(words, [given.fileno(), out.fileno(), err.fileno()], cwd, env, seconds)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([*words], code, out.read(), err.read())

    def _code_of(self, words: Sequence[str], streams: list[int], cwd: Path, env: Mapping[str, str], seconds: float) -> int:
        request = json.dumps({"words": [*words], "cwd": str(cwd), "env": {**env}}).encode()
        mine, theirs = socket.socketpair()
        with mine:
            with theirs, self._lock:
                socket.send_fds(self._channel, [len(request).to_bytes(LENGTH_BYTES)], [*streams, theirs.fileno()])
                self._channel.sendall(request)
            mine.settimeout(seconds)
            pid = int(mine.recv(LENGTH_BYTES))
            try:
                return int(mine.recv(LENGTH_BYTES))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([*words], seconds) from None

    def end(self) -> None:
        """End the process, and what it may still be running."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._channel.close()


@cache
def loaded() -> LoadedCommands:
    """Those of this test process, to be ended with it."""
    return LoadedCommands()


def end() -> None:
    """End those of this test process, when it has had any."""
    if loaded.cache_info().currsize:
        loaded().end()
        loaded.cache_clear()


def serve(channel: socket.socket) -> None:
    """Fork a process for each command that is asked for; return in it, with its words. The process itself ends with who asks."""
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(1_000)
            _report_ends(running)
        if channel not in ready:
            continue
        length, files, _, _ = socket.recv_fds(channel, LENGTH_BYTES, 4)
        if not length:
            sys.exit(0)
        *streams, answer = files
        request = channel.recv(int.from_bytes(length), socket.MSG_WAITALL)
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (channel, woken, wake):
                end.close()
            for file in (answer, *running.values()):
                os.close(file)
            _become(json.loads(request), streams)
            return
        for stream in streams:
            os.close(stream)
        running[child] = answer
        _send(answer, child)


def _report_ends(running: dict[int, int]) -> None:
    while running:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if not ended:
            return
        answer = running.pop(ended)
        _send(answer, os.waitstatus_to_exitcode(status))
        os.close(answer)


def _send(answer: int, number: int) -> None:
    """Write a number as wide as it is read; who asked may have stopped waiting."""
    try:
        os.write(answer, f"{number:{LENGTH_BYTES}}".encode())
    except BrokenPipeError:
        return


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
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # What the operating system frees anyway is not freed object by object.
    os._exit(code)
