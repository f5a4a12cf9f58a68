"""A mail server on the loopback: takes e-mails over SMTP, and says what a test wants it to say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Taken:
    """An e-mail that was taken: the envelope, and what stood in it."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The e-mail, parsed."""
        found = message_from_bytes(self.raw, policy=default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class MailServer:
    """RFC 5321, as much of it as a client needs. `says`: a reply other than the usual one, by verb and argument; None: the usual one.

    `upgrade`: TLS for who asks for it by STARTTLS, before which neither login nor e-mail is taken; `secured`: how many have asked.
    """

    port: int = 0
    emails: list[Taken] = field(default_factory=list[Taken])
    logins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    password: str | None = None
    says: Callable[[str, str], str | None] = lambda _verb, _argument: None
    connections: int = 0
    upgrade: ssl.SSLContext | None = None
    secured: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients, known, plain = "", list[str](), self.password is None, self.upgrade is not None

        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        await say(self.says("CONNECT", "") or "220 loopback ESMTP")
        while line := (await reader.readline()).decode("ascii").strip():
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            if verb == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                reported = self.says("END", "") or "250 taken"
                if reported == "hang up":
                    return
                if reported.startswith("250") or reported == "take and hang up":
                    self.emails.append(Taken(sender, recipients, raw[:-3].replace(b"\r\n..", b"\r\n.")))
                if reported == "take and hang up":
                    return
                await say(reported)
                continue
            reported = self.says(verb, argument)
            if reported == "hang up":
                return
            if reported is None and verb == "STARTTLS" and plain and self.upgrade is not None:
                await say("220 go ahead")
                await writer.start_tls(self.upgrade)
                plain = False
                self.secured += 1
                continue
            if reported is None and plain and verb in {"AUTH", "MAIL"}:
                reported = "530 5.7.0 must issue STARTTLS first"
            elif reported is None and verb == "AUTH":
                _, name, secret = base64.b64decode(argument.split()[1]).decode().split("\0")
                self.logins.append((name, secret))
                known = secret == self.password
                reported = "235 welcome" if known else "535 5.7.8 wrong password"
            elif reported is None and verb == "MAIL":
                sender, recipients = argument.partition("<")[2].partition(">")[0], []
                reported = "250 ok" if known else "530 sign in first"
            elif reported is None and verb == "RCPT":
                recipients.append(argument.partition("<")[2].partition(">")[0])
                reported = "250 ok"
            elif reported is None:
                offers = "STARTTLS" if plain else "AUTH PLAIN"
                reported = {"EHLO": f"250-loopback\r\n250 {offers}", "QUIT": "221 bye", "RSET": "250 ok"}.get(verb, "502 no such verb")
            await say(reported)
            if verb == "QUIT":
                return


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None, upgrade: ssl.SSLContext | None = None) -> AsyncGenerator[MailServer]:
    """A mail server on a free port; with `tls`, one that speaks nothing else; with `upgrade`, one that wants STARTTLS."""
    made = MailServer(upgrade=upgrade)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


@contextmanager
def mail_thread() -> Generator[MailServer]:
    """Run a mail server in its own thread until the block ends."""
    running: list[tuple[MailServer, asyncio.AbstractEventLoop]] = []
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with mail_server() as server:
            running.append((server, asyncio.get_running_loop()))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    server, loop = running[0]
    yield server
    loop.call_soon_threadsafe(done.set)
    thread.join(30)
