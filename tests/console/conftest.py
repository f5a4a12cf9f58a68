"""A server with its console, and browsers without scripts that sign in to it."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest_asyncio

from tests.kit.backend import Backend


class Browser:
    """Keeps cookies as a browser does, and sends forms with what is in them."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A page."""
        return await self.http.get(path, headers=headers)

    async def csrf(self, path: str = "/console/sign-in?again=1") -> str:
        """The CSRF token of a page's first form."""
        found = re.search(r'name="_csrf" value="([^"]+)"', (await self.http.get(path)).text)
        assert found is not None
        return html.unescape(found[1])

    async def post(
        self, path: str, fields: Mapping[str, str | list[str]] | None = None, *, page: str = "/console/sign-in?again=1"
    ) -> httpx.Response:
        """Send a form of this page."""
        return await self.http.post(path, data={"_csrf": await self.csrf(page), **(fields or {})})

    async def sign_in(self, token: str) -> None:
        """Sign in by a token."""
        response = await self.post("/console/sign-in/token", {"token": token})
        assert response.status_code == 303, response.text


def browser_of(backend: Backend) -> Browser:
    """A browser that has not signed in."""
    return Browser(httpx.AsyncClient(transport=httpx.ASGITransport(backend.app), base_url="http://test", timeout=60))


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(backend: Backend) -> AsyncIterator[Browser]:
    """A browser that has not signed in."""
    browser = browser_of(backend)
    async with browser.http:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(backend: Backend) -> AsyncIterator[Browser]:
    """A browser that has signed in as the admin."""
    made = browser_of(backend)
    async with made.http:
        await made.sign_in(backend.admin.http.headers["authorization"].removeprefix("Bearer "))
        yield made
