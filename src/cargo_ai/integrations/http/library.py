"""The file list `pages`: pages and documents at addresses, as files of a library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from urllib.parse import unquote, urlencode

from pydantic import Field

from cargo_ai import __version__
from cargo_ai.integrations.http.account import target
from cargo_ai.integrations.kit import Download, ExtractRequest, FileList, Form, ListedFile, ServiceError
from cargo_ai.outbound.exchange import OutboundRequest

_SECONDS = 60.0
_HEADERS = (("accept", b"*/*"), ("accept-encoding", b"identity"), ("user-agent", f"cargo-ai/{__version__}".encode()))


class Pages(Form):
    """Which pages."""

    urls: list[Annotated[str, Field(min_length=1, max_length=2_000)]] = Field(
        title="Addresses", description="Absolute, or relative to the connector's base address.", min_length=1, max_length=500
    )


async def files(request: ExtractRequest) -> AsyncIterator[Sequence[ListedFile]]:
    """The pages as they are named."""
    urls = list(dict.fromkeys(url.strip() for url in request.form(Pages).urls))
    yield [ListedFile(url, _name(url)) for url in urls]


def _name(url: str) -> str:
    path = url.partition("?")[0].partition("#")[0].rstrip("/")
    return unquote(path.rpartition("/")[2]) or url


async def download(request: ExtractRequest, url: str, to: Download) -> None:
    """The bytes of a page. The account's credentials go to its own origin only."""
    place = await target(url, request.connector_config)
    headers = (*_HEADERS, *((name.lower(), value.encode()) for name, value in place.headers.items()))
    address = place.url.with_query(urlencode(list(place.query.items()))) if place.query else place.url

    async def ask() -> None:
        answer = await request.service.exchange(OutboundRequest("GET", address, headers, None, _SECONDS), listener=to)
        if answer.status >= 300:
            transient = answer.status >= 500 or answer.status in (408, 429)
            raise ServiceError(f"{address.host} answered {answer.status} to {url}.", status=answer.status, transient=transient)

    await to.run(ask(), url)


PAGES = FileList(
    slug="pages",
    name="Pages and documents",
    description="Pages and documents at up to 500 addresses. They are read again every hour; one that has changed is indexed again.",
    form=Pages,
    files=files,
    download=download,
)
