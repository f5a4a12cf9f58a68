"""Rendering: templates and their values to responses, escaped, under a strict policy of what a browser may do with them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse

from cargo_ai.console import csrf, formats, static_files
from cargo_ai.console.navigation import SERVED, groups
from cargo_ai.console.port import Port, Session

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
THEME_COOKIE = "cargo_ai_theme"
THEMES = ("light", "dark")
COMPRESSED_FROM = 1_000
"""Bytes from which on a page is compressed."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(slots=True)
class Frame:
    """What surrounds the values of a view. `session` is None on the pages of signing in; `owner`: to whom tokens of forms belong there."""

    http: Request
    port: Port
    session: Session | None
    title: str
    section: str
    command: str | list[str]
    warnings: list[str] = field(default_factory=list[str])
    owner: str = ""


@cache
def environment() -> Environment:
    """The templates: of the console, and those beside the views. Everything is escaped that is not markup of ours."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([FOLDER / "templates", FOLDER / "views"])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False)
    made.filters.update(formats.FILTERS)
    made.globals["static"] = static_files.url  # pyright: ignore[reportArgumentType]
    return made


def render(frame: Frame, template: str, block: str | None, status: int, values: Mapping[str, object]) -> HTMLResponse:
    """A page, or one block of it."""
    shared = _shared(frame)
    response = _response(frame.http, _markup(shared, template, block, values), status)
    if shared["notice"] and block is None:
        response.delete_cookie("cargo_ai_notice", path="/console")
    return response


def fragment(frame: Frame, template: str, block: str, values: Mapping[str, object]) -> str:
    """The markup of one block."""
    return _markup(_shared(frame), template, block, values)


def _markup(shared: dict[str, object], template: str, block: str | None, values: Mapping[str, object]) -> str:
    source = environment().get_template(template)
    # Given as a value and not imported, so that a block that is rendered alone has them, too.
    given = {**shared, "ui": environment().get_template("components.html").make_module(shared), **values}
    if block is None:
        return source.render(given)
    return "".join(source.blocks[block](source.new_context(given)))


def _shared(frame: Frame) -> dict[str, object]:
    session, http = frame.session, frame.http
    owner = str(session.uuid) if session is not None else frame.owner
    theme = http.cookies.get(THEME_COOKIE, "")
    return {
        "title": frame.title,
        "section": frame.section,
        "commands": [frame.command] if isinstance(frame.command, str) else frame.command,
        "warnings": frame.warnings,
        "session": session,
        "user": session.user if session else None,
        "workspace": session.workspace if session else None,
        "navigation": groups(session, http.scope[SERVED]) if session else (),
        "theme": theme if theme in THEMES else "",
        "notice": unquote(http.cookies.get("cargo_ai_notice", ""))[:500],
        "csrf_token": csrf.token(frame.port, http, owner) if owner else "",
        "new_key": csrf.new_key,
        "here": http.url.path + (f"?{http.url.query}" if http.url.query else ""),
        "query": http.query_params,
        "target": http.headers.get("hx-target", ""),
    }


def _response(request: Request, markup: str, status: int) -> HTMLResponse:
    body = markup.encode("utf-8", "backslashreplace")
    headers = {**HEADERS, "Vary": "Accept-Encoding, HX-Request"}
    if len(body) >= COMPRESSED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(body, status, headers)
