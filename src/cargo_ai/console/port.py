"""Port: all that the console asks of the server it is part of. The server implements it (server/console_port.py)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

SESSION_COOKIE = "cargo_ai_console"


@dataclass(frozen=True, slots=True)
class User:
    """Who looks at a page. `name`: as people write it, else the address."""

    uuid: str
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that a page is about."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in. `may`: whether its person has a permission, for things with these uuids. `handle`: the server's own."""

    uuid: uuid.UUID
    user: User
    workspace: Workspace
    may: Callable[[str, Collection[str]], bool]
    expires_at: datetime
    can_switch: bool
    handle: object


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gave: its reply, or its text, and what it warned about."""

    body: JsonObject
    text: str = ""
    warnings: Sequence[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class SignIns:
    """The ways to sign in that this server has. `provider`: the host of its OpenID provider."""

    email: bool
    provider: str | None


class Port(Protocol):
    """The server, as the console sees it. What it raises is a Refusal, or becomes one by `refusal_of`."""

    async def session(self, request: Request, cookie: str) -> Session | None:
        """The open session of a cookie."""
        ...

    async def call(
        self, request: Request, session: Session, name: str, fields: Mapping[str, object], *, key: str | None, wait: int | None
    ) -> Answer:
        """Answer an operation as over HTTP: permission, validation, transaction, audit."""
        ...

    async def upload(self, request: Request, session: Session) -> JsonObject:
        """Store the file of the form that this request is, as `workspaceManagement.file.upload` does; its reply."""
        ...

    def watch_answer(self, request: Request, session: Session, message: str) -> AsyncIterator[Sequence[JsonObject]]:
        """The events of an answer from its beginning, in batches; an empty batch where nothing has come for a while. It ends with the
        answer, or with the session."""
        ...

    def sign_ins(self, request: Request) -> SignIns:
        """The ways to sign in."""
        ...

    def session_seconds(self, request: Request) -> int:
        """How long a new session lasts."""
        ...

    async def sign_in_by_token(self, request: Request, token: str) -> str:
        """The cookie of a new session of this token."""
        ...

    async def send_code(self, request: Request, email: str) -> str:
        """Have a code sent; the address as it is known."""
        ...

    async def sign_in_by_code(self, request: Request, email: str, code: str, workspace: str | None) -> str:
        """The cookie of a new session of who has this code."""
        ...

    async def go_to_provider(self, request: Request) -> tuple[Response, str]:
        """A page that leads to the provider, and what the browser keeps to come back with."""
        ...

    async def come_from_provider(self, request: Request, device: str, workspace: str | None) -> str | None:
        """The cookie of a new session of who has signed in there; None while no one has."""
        ...

    async def workspaces(self, request: Request, session: Session) -> Sequence[Workspace]:
        """The workspaces to which the person of a session may go."""
        ...

    async def switch(self, request: Request, session: Session, workspace: str) -> str:
        """The cookie of a session in another workspace, in place of this one."""
        ...

    async def sign_out(self, request: Request, session: Session) -> None:
        """End a session."""
        ...

    def sign(self, request: Request, *parts: str) -> str:
        """A signature over these parts."""
        ...

    def is_signed(self, request: Request, signature: str, *parts: str) -> bool:
        """Whether a signature belongs to these parts."""
        ...

    def is_secure(self, request: Request) -> bool:
        """Whether browsers reach this server by https."""
        ...

    def refusal_of(self, request: Request, error: Exception) -> Refusal:
        """The refusal that an exception stands for; a bug is logged, and becomes a 500."""
        ...
