"""An API process: it serves HTTP on a socket that the supervisor has bound, and that all API processes accept from."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from email.utils import formatdate
from importlib import import_module
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from cargo_ai.kernel import clock, log, settings
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app
from cargo_ai.server.api.signals import Signals
from cargo_ai.server.api.state import State
from cargo_ai.server.key_rotation.installation_key import secret_key
from cargo_ai.server.metrics import collector
from cargo_ai.server.processes import api_processes, connections, event_loop, file_pages, garbage
from cargo_ai.server.processes.connections import Door
from cargo_ai.server.processes.watching import loop_watch, parent_watch, pulse, task_stacks
from cargo_ai.server.traces import exporter
from cargo_ai.store import migrate
from cargo_ai.store.connections.turns import Turns
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database

GRACE_SECONDS = 10
ASKING_SECONDS = 1.0
BACKLOG = 512
SPARE_SECONDS = 120.0
DATE_SECONDS = 1.0


class _Server(uvicorn.Server):
    """Ends long polls when it is stopped, so that stopping never takes as long as one."""

    def __init__(self, config: uvicorn.Config, signals: Signals, settings: Settings, door: Door) -> None:
        super().__init__(config)
        self._signals, self._settings, self._door = signals, settings, door
        self._beating: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        door.first_came = self._date_answers

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        connections.log_errors(self._loop)
        task_stacks.log_on_signal()
        # Without this, an API whose supervisor was killed would keep the port from the next server.
        stalls = loop_watch.begin(self._settings)
        watching = asyncio.create_task(parent_watch.watch(self._settings, lambda: self.handle_exit(signal.SIGTERM, None)))
        sweeping = asyncio.create_task(self._door.watch())
        releasing = asyncio.create_task(file_pages.release_when_settled())
        try:
            await super().serve(sockets)
        finally:
            watching.cancel()
            sweeping.cancel()
            releasing.cancel()
            if self._beating is not None:
                self._beating.cancel()
            stalls()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # One connection is accepted at a time, so that the process that is free gets it; more of them may wait for that.
        for bound in sockets or ():
            bound.listen(BACKLOG)
        if self._settings.supervisor_pid:
            print(os.getpid(), flush=True)  # noqa: T201 - the supervisor reads that this process is ready
            self._beating = asyncio.create_task(pulse.beat())

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it is to end: this one is woken, and rests while no one is connected."""
        while not await self.on_tick(0):
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_SECONDS if self._door.present else None):
                    await self._woken.wait()

    def _date_answers(self) -> None:
        """Have answers say today's date and time, as `on_tick` does: it was not called while this process rested."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode()), *self.config.encoded_headers]
        self._woken.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has come to this process so far; what comes now is for the others that have the socket, or for the next."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)
        if self._beating is not None:
            pulse.end()
        # Who has connected just now is about to ask.
        deadline = clock.seconds() + ASKING_SECONDS
        while self._door.asking and clock.seconds() < deadline:  # noqa: ASYNC110 - for a second at most
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals.release()
        super().handle_exit(sig, frame)
        if self._loop is not None:
            # A handler of signals, which runs between any two steps, does not wake the loop by itself.
            self._loop.call_soon_threadsafe(self._woken.set)


def load() -> None:
    """Load all that the API needs before it knows its database."""
    app.load()
    connections.protocol_class(Door(0))
    event_loop.load()
    # uvicorn imports what it chooses when it begins to serve.
    uvicorn.Config(Starlette(), log_config=None).load()
    import_module("uvicorn.loops.auto")
    migrate.head()


def main() -> int:
    """Entry of an API process; `CARGO_AI_LISTEN_FD` is the bound socket."""
    configuration = settings.read()
    log.setup(debug=configuration.debug)
    collector.begin(configuration)
    exporter.begin(configuration, "api")
    # Half of the connections are never held by what users filter for. None is closed only because the others are free just now: to open
    # one takes as long as some writes, and it has nothing prepared.
    most = api_processes.connections_of(configuration.api_processes)
    turns = Turns(configuration.statements_per_workspace, most // 2)
    database = Database(
        configuration.database_url, name="cargo-ai api", pool_size=most, overflow=0, turns=turns, spare_seconds=SPARE_SECONDS
    )
    signals = Signals(configuration.database_url)
    state = State(database, FileStore.of(configuration), secret_key(configuration), configuration, signals, migrate.head())
    connections.raise_file_limit()
    door = Door(connections.most_connections(configuration.max_connections))
    config = uvicorn.Config(
        app.build(state),
        http=connections.protocol_class(door),
        log_level="warning",
        access_log=False,
        proxy_headers=configuration.behind_proxy,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        backlog=1,
    )
    bound = socket.socket(fileno=configuration.listen_fd)
    garbage.spare_what_is_loaded()
    _Server(config, signals, configuration, door).run(sockets=[bound])
    exporter.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
