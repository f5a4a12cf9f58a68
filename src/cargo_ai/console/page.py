"""Pages: how one is declared, and what its view is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from starlette.datastructures import ImmutableMultiDict, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cargo_ai.console import csrf
from cargo_ai.console.port import Answer, Port, Session, User, Workspace
from cargo_ai.console.rendering import Frame, fragment, render
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

HOME = "/console/"
NOTICE_COOKIE = "cargo_ai_notice"
NOTICE_SECONDS = 30
MAX_NOTICE = 500
SCRIPTS_COOKIE = "cargo_ai_scripts"
"""Set by the console's script: who has it can be given a part of a page later."""
PATIENCE_SECONDS = 0.1
"""How long a page waits for a part that it can be given later."""

T = TypeVar("T")

_EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""nginx would keep events back until its buffer is full."""

View = Callable[["PageRequest"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page at a path below `/console`, or what its forms are sent to. `section`: the entry of the navigation that it belongs to.
    `takes_file`: the body of the form is left to its view; its CSRF token is in the header that scripts send."""

    path: str
    view: View
    title: str
    section: str
    permission: str | None
    methods: tuple[str, ...]
    takes_file: bool = False


def forbidden(permission: str) -> Refusal:
    """The refusal of who lacks a permission."""
    return Refusal(403, "forbidden", f"You need the permission {permission} for this.", {"permission": permission})


def page(
    path: str, view: View, *, title: str, section: str = "", permission: str | None = None, methods: Collection[str] = ("GET",)
) -> Page:
    """Declare a page. `permission`: without it a person is refused before the view is called; None: operations alone decide."""
    return Page(path, view, title, section, permission, tuple(methods))


def action(path: str, view: View, *, title: str, section: str = "", permission: str | None = None, takes_file: bool = False) -> Page:
    """Declare what a form is sent to: POST only. Its view changes something and leads on to a page."""
    return Page(path, view, title, section, permission, ("POST",), takes_file)


@dataclass(slots=True)
class PageRequest:
    """A request of a browser that has signed in. `path`: the fields of the page's path. `form`: what was sent, its CSRF token checked."""

    http: Request
    session: Session
    port: Port
    page: Page
    form: ImmutableMultiDict[str, str]
    warnings: list[str] = field(default_factory=list[str])
    _calls: int = 0

    @property
    def query(self) -> QueryParams:
        """The query of the URL."""
        return self.http.query_params

    @property
    def path(self) -> Mapping[str, str]:
        """The fields of the path."""
        return self.http.path_params

    @property
    def user(self) -> User:
        """Who looks."""
        return self.session.user

    @property
    def workspace(self) -> Workspace:
        """The workspace that is looked at."""
        return self.session.workspace

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of a page, and not a person for all of it."""
        headers = self.http.headers
        return "hx-request" in headers and "hx-history-restore-request" not in headers and "hx-boosted" not in headers

    @property
    def target(self) -> str:
        """The id of the element for which htmx asks, '' for a whole page."""
        return self.http.headers.get("hx-target", "") if self.is_fragment else ""

    def may(self, permission: str, things: Collection[str] = ()) -> bool:
        """Whether the person has a permission."""
        return self.session.may(permission, things)

    def need(self, permission: str, things: Collection[str]) -> None:
        """Refusal (403) unless the person has a permission for these things."""
        if not self.may(permission, things):
            raise forbidden(permission)

    async def call(self, name: str, fields: Mapping[str, object] | None = None, *, wait: int | None = None) -> JsonObject:
        """The reply of an operation, answered with the rights of the person. Refusal where it is refused.

        The same form sent twice does the same write once. `wait`: for how many seconds a GET that can wait is held.
        """
        return (await self.answer(name, fields, wait=wait)).body

    async def answer(self, name: str, fields: Mapping[str, object] | None = None, *, wait: int | None = None) -> Answer:
        """The same, with the text of an operation that gives one, and the warnings. They are also shown on the page that is rendered."""
        self._calls += 1
        key = csrf.idempotency_key(self.form, self._calls)
        given = {field: value for field, value in (fields or {}).items() if value is not None}
        answer = await self.port.call(self.http, self.session, name, given, key=key, wait=wait)
        self.warnings += [sentence for sentence in answer.warnings if sentence not in self.warnings]
        return answer

    async def soon(self, work: Awaitable[T]) -> T | None:
        """What the work gives; None where that takes long and the browser can ask for this part later, as it does by htmx. What was
        begun has ended then."""
        if self.is_fragment or SCRIPTS_COOKIE not in self.http.cookies:
            return await work
        patience = asyncio.timeout(PATIENCE_SECONDS)
        try:
            async with patience:
                return await work
        except TimeoutError:
            if not patience.expired():
                raise
            return None

    async def upload(self) -> JsonObject:
        """Store the file that the form of an action with `takes_file` has."""
        return await self.port.upload(self.http, self.session)

    def render(
        self,
        template: str,
        *,
        command: str | list[str],
        title: str | None = None,
        block: str = "content",
        status: int = 200,
        **values: object,
    ) -> Response:
        """The page of this template; for htmx only its block. `command`: the lines of the command line that show or do the same."""
        frame = Frame(self.http, self.port, self.session, title or self.page.title, self.page.section, command, self.warnings)
        return render(frame, template, block if self.is_fragment else None, status, values)

    def redirect(self, path: str, notice: str = "") -> Response:
        """Lead on to a page of the console; `notice` is shown there once."""
        if not path.startswith(HOME):
            raise ValueError(f"{path} is not a page of the console")
        response = Response(status_code=204, headers={"HX-Redirect": path}) if self.is_fragment else RedirectResponse(path, 303)
        if notice:
            secure = self.port.is_secure(self.http)
            response.set_cookie(
                NOTICE_COOKIE, quote(notice[:MAX_NOTICE]), NOTICE_SECONDS, path="/console", secure=secure, httponly=True, samesite="lax"
            )
        return response

    def events(self, events: AsyncIterator[tuple[str, str]]) -> Response:
        """A stream of server-sent events: pairs of a name and of text, which is markup made by `fragment`."""
        return StreamingResponse(_encoded(events), media_type="text/event-stream", headers=_EVENTS)

    def fragment(self, template: str, block: str, **values: object) -> str:
        """The markup of one block of a template, for an event."""
        frame = Frame(self.http, self.port, self.session, self.page.title, self.page.section, [], self.warnings)
        return fragment(frame, template, block, values)


async def _encoded(events: AsyncIterator[tuple[str, str]]) -> AsyncIterator[bytes]:
    async for name, text in events:
        lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
        yield f"event: {name}\n{lines}\n".encode()
