"""Signing in to the console: by a token, by a code that is sent by e-mail, or by the OpenID provider of the server."""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, unquote

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cargo_ai.console import csrf
from cargo_ai.console.port import SESSION_COOKIE, Port, Session
from cargo_ai.console.rendering import THEME_COOKIE, THEMES, Frame, render
from cargo_ai.kernel.refusal import Refusal

HOME = "/console/"
PATH = "/console"
FORM_COOKIE, DEVICE_COOKIE, NEXT_COOKIE = "cargo_ai_console_form", "cargo_ai_console_device", "cargo_ai_console_next"
YEAR, TEN_MINUTES = 365 * 86_400, 600
MAX_NEXT = 2_000

_SAFE = re.compile(r"/console/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*")


@dataclass(slots=True)
class OpenRequest:
    """A request to a page that needs no session; there may be one."""

    http: Request
    port: Port
    form: ImmutableMultiDict[str, str]
    session: Session | None

    @property
    def owner(self) -> str:
        """To whom the tokens of these forms belong: the session, else this browser."""
        return str(self.session.uuid) if self.session is not None else self.http.cookies.get(FORM_COOKIE, "")

    def check(self) -> None:
        """Refusal (403) for a form that did not come from a page of the console."""
        if not self.owner:
            raise Refusal(403, "forbidden", "Your browser sent no cookie with this form. Allow cookies for this page, and reload it.")
        csrf.check(self.port, self.http, self.owner, self.form)

    def set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie that only the console gets, and no script."""
        response.set_cookie(name, value, seconds, path=PATH, secure=self.port.is_secure(self.http), httponly=True, samesite="lax")


OpenView = Callable[[OpenRequest], Awaitable[Response]]


def safe_path(path: str) -> str:
    """A path of the console as it is; its home for any other, so that no link leads elsewhere."""
    is_ours = len(path) <= MAX_NEXT and _SAFE.fullmatch(path) is not None and not path.startswith(f"{HOME}sign-")
    return path if is_ours and ".." not in path.partition("?")[0].split("/") else HOME


async def show(request: OpenRequest) -> Response:
    """The page with the ways to sign in."""
    if request.session is not None and "again" not in request.http.query_params:
        return RedirectResponse(safe_path(request.http.query_params.get("next", "")), 303)
    return _page(request, {})


def _page(request: OpenRequest, values: Mapping[str, object], status: int = 200) -> Response:
    owner = request.owner or randomness.token_urlsafe(24)
    next_path = safe_path(request.form.get("next") or request.http.query_params.get("next", ""))
    shared: dict[str, object] = {"ways": request.port.sign_ins(request.http), "next": next_path, "email": "", "problem": None, "fix": ""}
    frame = Frame(request.http, request.port, None, "Sign in", "", "cargo-ai login --token TOKEN", owner=owner)
    response = render(frame, "sign_in.html", None, status, {"step": "start", "workspaces": [], **shared, **values})
    if request.session is None:
        request.set_cookie(response, FORM_COOKIE, owner, TEN_MINUTES * 6)
    return response


async def by_token(request: OpenRequest) -> Response:
    """Sign in by a token."""
    request.check()
    try:
        return _enter(request, await request.port.sign_in_by_token(request.http, request.form.get("token", "").strip()[:500]))
    except Refusal as refusal:
        return _refused(request, refusal, {})


async def send_code(request: OpenRequest) -> Response:
    """Have a code sent, and ask for it."""
    request.check()
    try:
        email = await request.port.send_code(request.http, request.form.get("email", "").strip())
    except Refusal as refusal:
        return _refused(request, refusal, {})
    return _page(request, {"step": "code", "email": email})


async def by_code(request: OpenRequest) -> Response:
    """Sign in by a code."""
    request.check()
    email, code = request.form.get("email", ""), request.form.get("code", "")
    try:
        cookie = await request.port.sign_in_by_code(request.http, email, code, request.form.get("workspace") or None)
    except Refusal as refusal:
        # A code that was right stays good until it has led somewhere: the person says to which workspace.
        step = "workspace" if refusal.reason == "workspaceNeeded" else "code"
        return _refused(request, refusal, {"step": step, "email": email, "code": code, "target": f"{HOME}sign-in/code"})
    return _enter(request, cookie)


async def go_to_provider(request: OpenRequest) -> Response:
    """Lead the browser to the provider."""
    request.check()
    try:
        response, device = await request.port.go_to_provider(request.http)
    except Refusal as refusal:
        return _refused(request, refusal, {})
    request.set_cookie(response, DEVICE_COOKIE, device, TEN_MINUTES)
    request.set_cookie(response, NEXT_COOKIE, quote(safe_path(request.form.get("next", ""))), TEN_MINUTES)
    return response


async def come_from_provider(request: OpenRequest) -> Response:
    """Sign in who comes back from the provider; where there are several workspaces, ask to which (then this is a form)."""
    if request.http.method == "POST":
        request.check()
    device = request.http.cookies.get(DEVICE_COOKIE, "")
    try:
        cookie = await request.port.come_from_provider(request.http, device, request.form.get("workspace") or None)
    except Refusal as refusal:
        step = "workspace" if refusal.reason == "workspaceNeeded" else "start"
        return _refused(request, refusal, {"step": step, "code": "", "target": f"{HOME}sign-in/provider"})
    if cookie is None:
        return _page(request, {"problem": "The provider has not signed you in. Try again."}, 401)
    return _enter(request, cookie)


async def switch(request: OpenRequest) -> Response:
    """Go to another workspace."""
    request.check()
    if request.session is None:
        return RedirectResponse(f"{HOME}sign-in", 303)
    return _enter(request, await request.port.switch(request.http, request.session, request.form.get("workspace", "")), HOME)


async def sign_out(request: OpenRequest) -> Response:
    """End the session."""
    request.check()
    if request.session is not None:
        await request.port.sign_out(request.http, request.session)
    response = RedirectResponse(f"{HOME}sign-in", 303)
    response.delete_cookie(SESSION_COOKIE, path=PATH)
    return response


async def choose_theme(request: OpenRequest) -> Response:
    """Remember light or dark for this browser; anything else is what the system says."""
    request.check()
    response = RedirectResponse(safe_path(request.form.get("next", "")), 303)
    theme = request.form.get("theme", "")
    if theme in THEMES:
        request.set_cookie(response, THEME_COOKIE, theme, YEAR)
    else:
        response.delete_cookie(THEME_COOKIE, path=PATH)
    return response


def _enter(request: OpenRequest, cookie: str, path: str | None = None) -> Response:
    response = RedirectResponse(path or safe_path(request.form.get("next", "") or _kept_next(request)), 303)
    request.set_cookie(response, SESSION_COOKIE, cookie, request.port.session_seconds(request.http))
    for name in (FORM_COOKIE, DEVICE_COOKIE, NEXT_COOKIE):
        response.delete_cookie(name, path=PATH)
    return response


def _kept_next(request: OpenRequest) -> str:
    return unquote(request.http.cookies.get(NEXT_COOKIE, ""))


def _refused(request: OpenRequest, refusal: Refusal, values: Mapping[str, object]) -> Response:
    places = cast("list[dict[str, Any]]", refusal.details.get("workspaces", []))
    problem = None if places else refusal.message
    return _page(request, {"problem": problem, "workspaces": places, **values}, refusal.status)


ROUTES: tuple[tuple[str, OpenView, tuple[str, ...]], ...] = (
    ("/sign-in", show, ("GET",)),
    ("/sign-in/token", by_token, ("POST",)),
    ("/sign-in/email", send_code, ("POST",)),
    ("/sign-in/code", by_code, ("POST",)),
    ("/sign-in/provider/go", go_to_provider, ("POST",)),
    ("/sign-in/provider", come_from_provider, ("GET", "POST")),
    ("/workspace", switch, ("POST",)),
    ("/sign-out", sign_out, ("POST",)),
    ("/theme", choose_theme, ("POST",)),
)
