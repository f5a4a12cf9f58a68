"""Connecting an account by OAuth from the console: to the service, and back to the connector."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from tests.console.conftest import Browser
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.hubspot import server
from tests.simulators.hubspot.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Running]:
    """The imitation of HubSpot."""
    with server.running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, hubspot: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A server with an app of HubSpot."""
    ((client_id, client_secret),) = hubspot.control.sign_in.clients.items()
    named = {
        "CARGO_AI_PUBLIC_URL": "http://test",
        "CARGO_AI_SERVICE_ADDRESSES": f"hubspot={hubspot.url}",
        "CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID": client_id,
        "CARGO_AI_OAUTH_HUBSPOT_CLIENT_SECRET": client_secret,
    }
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend"), **named) as running:
            yield running


async def test_a_person_goes_to_the_service_consents_and_comes_back_to_the_connector(browser: Browser, hubspot: Running) -> None:
    form = "/console/connectors/new/hubspot"
    begun = await browser.post(f"{form}/connect", {"name": "CRM", "slug": "crm"}, page=form)
    assert begun.status_code == 200, begun.text
    link = re.search(r'<a class="button primary" href="(https://app.hubspot.com/[^"]+)" rel="noopener">Go to HubSpot', begun.text)
    assert link is not None, begun.text

    state = dict(parse_qsl(urlsplit(html.unescape(link[1])).query))["state"]
    hubspot.control.sign_in.codes.add("code-1")
    asked = await browser.get(f"/v1/oauth/callback?state={state}&code=code-1")
    assert "asks to connect" in asked.text
    agreed = await browser.http.post("/v1/oauth/callback", data={"state": state, "code": "code-1"})
    back = re.search(r'<a href="(/console/connectors/[^"]+)"', agreed.text)
    assert agreed.status_code == 200 and back is not None, agreed.text

    page = await browser.get(back[1])
    assert page.status_code == 200 and "active" in page.text and "Go to HubSpot" not in page.text


async def test_a_consent_that_failed_leads_back_to_where_it_can_be_tried_again(browser: Browser, hubspot: Running) -> None:
    form = "/console/connectors/new/hubspot"
    begun = await browser.post(f"{form}/connect", {"name": "CRM", "slug": "other"}, page=form)
    link = re.search(r'href="(https://app.hubspot.com/[^"]+)"', begun.text)
    assert link is not None
    state = dict(parse_qsl(urlsplit(html.unescape(link[1])).query))["state"]
    failed = await browser.http.post("/v1/oauth/callback", data={"state": state, "error": "access_denied"})
    back = re.search(r'<a href="(/console/connectors/[^"]+)"', failed.text)
    assert failed.status_code == 400 and back is not None
    assert "Connect again" in (await browser.get(back[1])).text
