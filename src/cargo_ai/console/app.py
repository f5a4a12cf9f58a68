"""The console's application: sessions before pages, CSRF before forms, and every refusal as a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from cargo_ai.console import csrf, sign_in, static_files
from cargo_ai.console.navigation import SERVED
from cargo_ai.console.page import HOME, Page, PageRequest, forbidden
from cargo_ai.console.port import SESSION_COOKIE, Port, Session
from cargo_ai.console.rendering import Frame, render
from cargo_ai.console.views import PAGES
from cargo_ai.kernel.refusal import Refusal

MAX_FORM_BYTES = 1024 * 1024
MAX_FIELDS = 1_000

Endpoint = Callable[[Request], Awaitable[Response]]


class Console:
    """The ASGI application at `/console`."""

    def __init__(self, port: Port, pages: Iterable[Page] = PAGES) -> None:
        self._port = port
        pages = tuple(pages)
        self._served = {f"/console{page.path}": page.permission for page in pages}
        routes = [Route("/static/{hash}/{name}", static_files.serve, methods=["GET"])]
        routes += [self._open_route(path, view, methods) for path, view, methods in sign_in.ROUTES]
        by_path: dict[str, dict[str, Page]] = {}
        for page in pages:
            by_path.setdefault(page.path, {}).update(dict.fromkeys(page.methods, page))
        # At every level a word wins over a field.
        for path in sorted(by_path, key=lambda path: [(part.startswith("{"), part) for part in path.split("/")]):
            routes.append(self._page_route(path, by_path[path]))
        self._router = Router(routes, default=self._not_found, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[SERVED] = self._served
        await self._router(scope, receive, send)

    def _page_route(self, path: str, pages: dict[str, Page]) -> Route:
        async def endpoint(request: Request) -> Response:
            page = pages["GET" if request.method == "HEAD" else request.method]
            return await self._safely(request, page, self._serve)

        return Route(path, endpoint, methods=list(pages))

    def _open_route(self, path: str, view: sign_in.OpenView, methods: tuple[str, ...]) -> Route:
        page = Page(path, _unused, "Sign in", "", None, methods)

        async def answer(request: Request, _page: Page) -> Response:
            form = await _form(request) if request.method == "POST" else ImmutableMultiDict[str, str]()
            return await view(sign_in.OpenRequest(request, self._port, form, await self._session(request)))

        async def endpoint(request: Request) -> Response:
            return await self._safely(request, page, answer)

        return Route(path, endpoint, methods=list(methods))

    async def _serve(self, request: Request, page: Page) -> Response:
        session = await self._session(request)
        if session is None:
            return _to_sign_in(request)
        if page.permission is not None and not session.may(page.permission, ()):
            raise forbidden(page.permission)
        form = ImmutableMultiDict[str, str]()
        if request.method == "POST":
            form = form if page.takes_file else await _form(request)
            csrf.check(self._port, request, str(session.uuid), form)
        return await page.view(PageRequest(request, session, self._port, page, form))

    async def _session(self, request: Request) -> Session | None:
        cookie = request.cookies.get(SESSION_COOKIE)
        return await self._port.session(request, cookie) if cookie else None

    async def _safely(self, request: Request, page: Page, answer: Callable[[Request, Page], Awaitable[Response]]) -> Response:
        """The response, or the refusal as a page."""
        try:
            return await answer(request, page)
        except ClientDisconnect:
            raise
        except Exception as error:
            return await self._refused(request, page, self._port.refusal_of(request, error))

    async def _refused(self, request: Request, page: Page, refusal: Refusal) -> Response:
        try:
            session = await self._session(request)
        except Exception as error:
            session, refusal = None, self._port.refusal_of(request, error)
        frame = Frame(request, self._port, session, _TITLES.get(refusal.status, "This did not work"), page.section, [])
        fragment = "hx-request" in request.headers
        response = render(frame, "error.html", "alert" if fragment else None, refusal.status, {"refusal": refusal})
        response.headers.update({name: value for name, value in refusal.headers.items() if name == "Retry-After"})
        if fragment:
            response.headers.update({"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML", "HX-Reselect": "unset"})
        return response

    async def _not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        page = Page("", _unused, "Not found", "", None, ())
        response = await self._refused(request, page, Refusal(404, "routeNotFound", "There is no such page."))
        await response(scope, receive, send)


_TITLES = {403: "Not allowed", 404: "Not found", 429: "Too many requests", 500: "Something went wrong", 503: "Not available right now"}


async def _unused(_request: PageRequest) -> Response:
    raise LookupError("this page has no view")


async def _form(request: Request) -> ImmutableMultiDict[str, str]:
    """The fields of a form, blank ones included. Refusal (413) for a large one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            sentence = "This form is larger than 1 MB. Use the command line for this much."
            raise Refusal(413, "bodyTooLarge", sentence, headers={"Connection": "close"})
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refusal(400, "invalidInput", f"This form has more than {MAX_FIELDS:,} fields.") from None
    return ImmutableMultiDict(fields)


def _to_sign_in(request: Request) -> Response:
    """To signing in, and back to where the browser is. Also where htmx asked for a part, or a form was sent: the page itself then."""
    if "hx-request" in request.headers:
        current = urlsplit(request.headers.get("hx-current-url", ""))
        target = f"{current.path}?{current.query}" if current.query else current.path
        return Response(status_code=401, headers={"HX-Redirect": f"{HOME}sign-in?next={quote(target, safe='')}"})
    place = urlsplit(request.headers.get("referer", "")) if request.method == "POST" else request.url
    target = f"{place.path}?{place.query}" if place.query else place.path
    unsent = "&unsent=true" if request.method == "POST" else ""
    return RedirectResponse(f"{HOME}sign-in?next={quote(target, safe='')}{unsent}", 303)
