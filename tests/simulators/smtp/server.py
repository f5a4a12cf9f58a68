"""The mail server on a port of the loopback, in a thread of a test."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from tests.kit.peers.mail_server import MailServer, Taken
from tests.simulators.faults import Orders, Seen

USER, PASSWORD = "ann@acme.example", "smtp-password-4711-abcdef"


class Control(Orders):
    """What the server has taken, and what it says to which verb instead of the usual reply."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        super().__init__()

    def reset(self) -> None:
        """An empty server that takes everything from who signs in."""
        super().reset()
        self._server.emails.clear()
        self._server.logins.clear()
        self._server.password, self._server.secured = PASSWORD, 0
        self.replies: dict[str, Callable[[str], str | None]] = {}
        self._server.says = self._says

    @property
    def emails(self) -> list[Taken]:
        """The e-mails that were taken, oldest first."""
        return self._server.emails

    @property
    def secured(self) -> int:
        """How many connections were upgraded by STARTTLS."""
        return self._server.secured

    @property
    def logins(self) -> list[tuple[str, str]]:
        """The users and passwords that were tried."""
        return self._server.logins

    def say(self, verb: str, reply: str, holding: str = "") -> None:
        """Answer a verb in this way, where its argument has `holding` in it. END is the end of an e-mail."""
        self.replies[verb] = lambda argument: reply if holding in argument else None

    def _says(self, verb: str, argument: str) -> str | None:
        if verb == "EHLO" and (fault := self.fault_for("SEND", "before")) is not None and fault.drop == "before":
            return "hang up"
        if verb == "END":
            self.note(Seen("SEND", "", "", None, 250))
            if (fault := self.fault_for("SEND", "after")) is not None and fault.drop == "after":
                return "take and hang up"
        reply = self.replies.get(verb)
        return None if reply is None else reply(argument)

    def fail(self, **fault: object) -> None:
        """Order a fault, at the moment of the conversation that it is for."""
        super().fail(**{**fault, "method": "SEND", "path": str(fault.get("drop") or "")})


class Simulator:
    """A mail server that answers at `port`."""

    key, url = PASSWORD, ""

    def __init__(self, tls: ssl.SSLContext | None, upgrade: ssl.SSLContext | None) -> None:
        self._server = MailServer(upgrade=upgrade)
        self.control = Control(self._server)
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._server.serve, sock=self._socket, ssl=self._tls))
        self._loop.run_forever()

    def stop(self) -> None:
        """Stop and wait for its end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()
        self._socket.close()


@contextmanager
def running(tls: ssl.SSLContext | None = None, upgrade: ssl.SSLContext | None = None) -> Generator[Simulator]:
    """The simulator, as long as the context lasts. tls: it speaks nothing else; upgrade: it wants STARTTLS."""
    simulator = Simulator(tls, upgrade)
    try:
        yield simulator
    finally:
        simulator.stop()
