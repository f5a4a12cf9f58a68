"""The services around the server of the browser's tests: a mail server, an OpenID provider at which people consent at once, and HubSpot."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from tests.kit.peers.echo_service import EchoService, Heard, Say, echo_service
from tests.kit.peers.mail_server import MailServer, mail_server
from tests.simulators.hubspot import server as hubspot
from tests.simulators.openid import OpenIdSimulator

T = TypeVar("T")
MAIL_SECONDS = 20


@dataclass
class Peers:
    """The services that answer."""

    mail: MailServer
    service: EchoService
    provider: OpenIdSimulator
    hubspot: hubspot.Running

    def settings(self) -> dict[str, str]:
        """How the server finds them, without the prefix."""
        ((client, secret),) = self.hubspot.control.sign_in.clients.items()
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mail.port),
            "SMTP_TLS": "off",
            "SMTP_FROM": "hello@acme.example",
            "LOGIN_ISSUER": self.service.url,
            "LOGIN_CLIENT_ID": self.provider.client_id,
            "LOGIN_CLIENT_SECRET": self.provider.client_secret,
            "OAUTH_HUBSPOT_CLIENT_ID": client,
            "OAUTH_HUBSPOT_CLIENT_SECRET": secret,
        }

    def code_for(self, email: str) -> str:
        """The newest code for signing in that this person got by e-mail."""
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            for taken in reversed(self.mail.emails):
                code = re.search(r"cargo-ai is (\d{8})", taken.message.get_content()) if email in taken.recipients else None
                if code is not None:
                    return code[1]
            time.sleep(0.02)
        raise AssertionError(f"no code came for {email}")


@contextmanager
def running() -> Generator[Peers]:
    """The services, as long as the context lasts."""
    with ExitStack() as stack:
        mail = stack.enter_context(_in_own_loop(mail_server))
        service = stack.enter_context(_in_own_loop(echo_service))
        provider = OpenIdSimulator(service)

        def consent(heard: Heard) -> Say:
            query = dict(heard.query)
            back = provider.consent(f"{service.url}/authorize?{urlencode(heard.query)}")
            return Say(302, headers={"location": f"{query['redirect_uri']}?{urlencode(back)}"})

        service.on("/authorize", consent)
        yield Peers(mail, service, provider, stack.enter_context(hubspot.running()))


@contextmanager
def _in_own_loop(peer: Callable[[], AbstractAsyncContextManager[T]]) -> Generator[T]:
    """A service that needs an event loop, in a thread that has one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = peer()
    value = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    try:
        yield value
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
