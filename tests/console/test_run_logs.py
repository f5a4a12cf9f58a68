"""What a run's page shows of logs and attempts: a page of lines at a time, however many there are."""

from __future__ import annotations

import html
import re

import pytest

from tests.console.conftest import Browser
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRINTS = "for (let i = 0; i < 10000; i++) console.log(i % 1000 ? i : '<script>' + i); 1"
GRAPH = [node("start", children=("prints",)), node("prints", "script", ("end",), config={"script": PRINTS}), node("end")]


@pytest.mark.slow
async def test_ten_thousand_lines_are_shown_page_by_page(browser: Browser, backend: Backend) -> None:
    run = (await backend.run({}, nodes=GRAPH))["run"]["uuid"]
    page = (await browser.get(f"/console/runs/{run}?node=prints")).text
    assert "lines 1 to 200 of 10,000" in page and len(page) < 60_000
    assert "<script>" not in page and "&lt;script&gt;0" in page
    last = re.search(r'hx-get="([^"]+)">Last lines', page)
    assert last is not None
    part = (await browser.get(html.unescape(last[1]), **{"HX-Request": "true", "HX-Target": "log"})).text
    assert part.strip().startswith('<section id="log"')
    assert "lines 9,801 to 10,000 of 10,000" in part and "9999" in part and "Later lines" not in part
    whole = (await browser.get(f"/console/runs/{run}/log?node=prints&offset=9800")).text
    assert "cargo-ai orchestration run get-log" in whole and "--offset 9800" in whole
    for offset in ("99999999999", "-1", "x", "10000"):
        assert (await browser.get(f"/console/runs/{run}/log?offset={offset}")).status_code == 200


async def test_the_log_of_another_workspace_is_not_found(browser: Browser) -> None:
    assert (await browser.get("/console/runs/01a21f70-5885-784e-9109-000000000000/log")).status_code == 404
