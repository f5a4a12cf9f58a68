"""The pages of data: filters, hostile values, people who may only look, and other workspaces."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import pytest_asyncio

from cargo_ai.console import page as pages
from cargo_ai.console.views.storage import address
from cargo_ai.domains.storage.columns import fill_job
from cargo_ai.domains.storage.columns.fill_job import FillJob
from cargo_ai.kernel import clock
from cargo_ai.records import ddl
from tests.console.conftest import Browser, browser_of
from tests.kit.backend import Backend

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '"><img src=x onerror=alert(1)>{{7777*7777}}</script>'
ODD_IDS = ("..", ".", "a/b", "a/../b", "ü ?#%2F", "back\\slash", "x" * 500)
IN_FRANCE = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "country", "operator": "is", "values": ["France"]}]}],
}
MAX_PAGE = 150_000


class Data:
    """A model with few records, a segment of it, its change and a change set."""

    def __init__(self, uuids: dict[str, str]) -> None:
        self.model, self.segment, self.change, self.change_set = (uuids[name] for name in ("model", "segment", "change", "changeSet"))

    def pages(self) -> list[str]:
        """The pages about it."""
        model, segment = f"/console/models/{self.model}", f"/console/segments/{self.segment}"
        of_model = ["", "/records", "/changes", "/segments", "/refreshes", "/new", f"/records/{quote('a.com')}", "/membership?id=a.com"]
        of_set = [f"/console/change-sets/{self.change_set}", f"/console/change-sets/{self.change_set}/undo"]
        return [*(model + page for page in of_model), segment, f"{segment}/changes/{self.change}", *of_set]


def _deep(levels: int) -> Any:
    value: Any = HOSTILE
    for _ in range(levels):
        value = {HOSTILE: value}
    return value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def data(backend: Backend) -> AsyncIterator[Data]:
    """Made once for the module."""
    api = backend.admin
    columns = [
        {"slug": "domain", "type": "string", "label": "Domain"},
        {"slug": "country", "type": "string", "label": HOSTILE},
        {"slug": "employees", "type": "number", "label": "Employees"},
        {"slug": "facts", "type": "object", "label": "Facts"},
    ]
    model = await api.model(columns=columns, idColumnSlug="domain", titleColumnSlug="domain")
    await api.call("storage.model.update", uuid=model, name=HOSTILE, description=HOSTILE)
    await api.add(model, {"domain": "a.com", "country": "France", "employees": 5}, {"domain": "b.com", "country": "Italy"})
    segment = (await api.call("segmentation.segment.create", name=HOSTILE, modelUuid=model, filter=IN_FRANCE))["segment"]["uuid"]
    await api.call("segmentation.change.create", segmentUuid=segment)
    await api.call("storage.record.update", modelUuid=model, id="b.com", data={"country": "France", "facts": _deep(60)})
    change = (await api.call("segmentation.change.create", segmentUuid=segment))["change"]["uuid"]
    sets = (await api.call("storage.changeSet.list", modelUuid=model))["changeSets"]
    await api.add(model, {"domain": HOSTILE, "country": HOSTILE + "x" * 1_000_000, "facts": _deep(60)}, *({"domain": id} for id in ODD_IDS))
    yield Data({"model": model, "segment": segment, "change": change, "changeSet": sets[0]["uuid"]})


def _filter_of(location: str) -> dict[str, Any]:
    (text,) = parse_qs(urlsplit(location).query)["filter"]
    filter: dict[str, Any] = json.loads(text)
    return filter


async def test_the_filter_builder_leads_to_the_filter_of_the_command_line(browser: Browser, data: Data) -> None:
    fields = (
        "f.conjonction=and&f.0.conjonction=and&f.0.0.about=column:country&f.0.0.operator=is&f.0.0.value=France&use=fields&sort=employees"
    )
    response = await browser.get(f"/console/models/{data.model}/records?{fields}")
    assert response.status_code == 303
    assert _filter_of(response.headers["location"]) == IN_FRANCE
    assert "sort=employees" in response.headers["location"]
    page = (await browser.get(response.headers["location"])).text
    assert "a.com" in page
    assert "2 records" in page
    assert "segmentation segment fetch" in page


async def test_a_button_of_the_builder_changes_the_form_only(browser: Browser, data: Data) -> None:
    path = f"/console/models/{data.model}/records?f.conjonction=and&act=add-group"
    fragment = await browser.get(path, **{"HX-Request": "true"})
    assert fragment.status_code == 200
    assert fragment.text.lstrip().startswith("<form")
    assert 'name="f.0.0.about"' in fragment.text
    assert 'name="f.0.0.about"' in (await browser.get(path)).text


async def test_rows_that_take_long_follow_a_page_that_is_shown_at_once(
    browser: Browser, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0)
    records, sql = f"/console/models/{data.model}/records?sort=employees", "/console/sql?query=SELECT%20domain%20FROM%20default.companies"
    for path, part in ((records, "rows"), (sql, "result")):
        assert "a.com" in (await browser.get(path)).text, "a browser without scripts gets all at once"
        browser.http.cookies.set(pages.SCRIPTS_COOKIE, "1")
        page = await browser.get(path)
        assert page.status_code == 200 and "a.com" not in page.text
        assert f'<div id="{part}" data-late aria-busy="true" hx-get="{html.escape(path)}"' in page.text
        follows = await browser.get(path, **{"HX-Request": "true", "HX-Target": part})
        assert follows.text.strip().startswith(f'<div id="{part}"') and "a.com" in follows.text
        browser.http.cookies.delete(pages.SCRIPTS_COOKIE)


@pytest.mark.parametrize(
    "text", ["{", "[1]", "[" * 5_000, '{"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"?"}]}]}']
)
async def test_a_filter_that_cannot_be_used_is_said_on_the_page(browser: Browser, data: Data, text: str) -> None:
    page = await browser.get(f"/console/models/{data.model}/records?filter={quote(text)}")
    assert page.status_code == 200
    assert 'role="alert"' in page.text


async def test_hostile_names_and_values_are_escaped_and_bounded(browser: Browser, data: Data) -> None:
    hostile = f"/console/models/{data.model}/records/{quote(HOSTILE, safe='')}"
    for path in [*data.pages(), "/console/models", "/console/segments", "/console/sql", address.record(data.model, HOSTILE), hostile]:
        page = await browser.get(path)
        assert page.status_code == 200, path
        assert "<img src=x" not in page.text, path
        assert "60481729" not in page.text, path
        assert len(page.content) < MAX_PAGE, path


async def test_a_record_has_a_page_whatever_its_id_is(browser: Browser, data: Data) -> None:
    for id in ODD_IDS:
        page = await browser.get(address.record(data.model, id))
        assert page.status_code == 200, id
        assert "Values" in page.text, id


async def test_only_what_was_changed_in_the_form_is_written(browser: Browser, backend: Backend, data: Data) -> None:
    path = f"/console/models/{data.model}/records/a.com"
    page = (await browser.get(path)).text
    was = dict(re.findall(r'name="(was\.[a-z]+)" value="([^"]*)"', page))
    sent = {"id": "a.com", "v.domain": "a.com", "v.country": "France", "v.employees": "7.5", "v.facts": "", **was}
    response = await browser.post(f"/console/models/{data.model}/edit", sent, page=path)
    assert (response.status_code, response.headers["location"]) == (303, path)
    changes = (await backend.admin.call("storage.record.history", modelUuid=data.model, id="a.com"))["changes"]
    assert [(one["columnSlug"], one["before"], one["after"]) for one in changes[0]["changes"]] == [("employees", 5, 7.5)]
    wrong = await browser.post(f"/console/models/{data.model}/edit", {**sent, "v.employees": "many"}, page=path)
    assert wrong.status_code == 400
    assert "many is not a number" in wrong.text


async def test_a_viewer_sees_no_button_that_writes_and_is_refused_all_the_same(backend: Backend, data: Data) -> None:
    user = (await backend.admin.call("workspaceManagement.user.create", userEmail="vera@example.com", roleSlug="viewer"))["user"]["uuid"]
    token = (await backend.admin.call("workspaceManagement.token.create", name="Vera's", userUuid=user))["token"]["token"]
    viewer = browser_of(backend)
    async with viewer.http:
        await viewer.sign_in(token)
        for path in data.pages():
            page = await viewer.get(path)
            writes = path.endswith(("/new", "/undo"))
            assert page.status_code == (403 if writes else 200), path
            main = page.text[page.text.index("<main") :]
            assert 'method="post"' not in main, path
        posts: list[tuple[str, dict[str, str]]] = [
            (f"/console/models/{data.model}/edit", {"id": "a.com", "v.country": "Spain", "was.country": "x"}),
            (f"/console/models/{data.model}/remove-record", {"id": "a.com"}),
            (f"/console/change-sets/{data.change_set}/undo", {}),
            ("/console/segments", {"name": "Mine", "model": data.model, "filter": json.dumps(IN_FRANCE)}),
            (f"/console/segments/{data.segment}/compare", {}),
            (f"/console/segments/{data.segment}/remove", {}),
            (f"/console/segments/{data.segment}/update", {"name": "Mine"}),
        ]
        for path, fields in posts:
            assert (await viewer.post(path, fields, page="/console/models")).status_code == 403, path
    record = (await backend.admin.call("storage.record.get", modelUuid=data.model, id="a.com"))["record"]
    assert record["country"] == "France"


async def test_pages_of_another_workspace_are_not_there(backend: Backend, data: Data) -> None:
    stranger = browser_of(backend)
    async with stranger.http:
        await stranger.sign_in(backend.other_api.http.headers["authorization"].removeprefix("Bearer "))
        for path in [*data.pages(), f"/console/models/{data.model}/export?format=csv"]:
            assert (await stranger.get(path)).status_code == 404, path
        for path in (f"/console/segments/{data.segment}/remove", f"/console/change-sets/{data.change_set}/undo"):
            assert (await stranger.post(path, page="/console/models")).status_code == 404, path


async def test_a_change_set_is_undone_after_a_look(browser: Browser, backend: Backend) -> None:
    model = await backend.admin.model("undone")
    await backend.admin.add(model, {"domain": "c.com", "name": "C"})
    (made,) = (await backend.admin.call("storage.changeSet.list", modelUuid=model))["changeSets"]
    path = f"/console/change-sets/{made['uuid']}/undo"
    assert "Nothing has been changed yet" in (await browser.get(path)).text
    assert await backend.admin.records(model)
    response = await browser.post(path, {"skip": "false"}, page=path)
    assert response.status_code == 303
    assert await backend.admin.records(model) == []
    assert "undone by" in (await browser.get(f"/console/change-sets/{made['uuid']}")).text
    assert "was undone by" in (await browser.get(path)).text


async def test_sql_shows_rows_bars_and_why_a_query_cannot_run(browser: Browser, data: Data) -> None:
    good = await browser.get("/console/sql?query=" + quote("SELECT country, COUNT(*) AS n FROM default.companies GROUP BY country"))
    assert "France" in good.text
    assert "<svg" in good.text
    bad = await browser.get("/console/sql?query=" + quote("DELETE FROM default.companies"))
    assert (bad.status_code, 'role="alert"' in bad.text) == (200, True)
    long = await browser.get("/console/sql?query=" + "x" * 20_001)
    assert "at most 20,000 characters" in long.text


async def test_a_name_stands_above_its_numbers(browser: Browser, data: Data) -> None:
    page = await browser.get("/console/sql?query=" + quote("SELECT country, 7 AS seven, NULL AS nothing FROM default.companies LIMIT 3"))
    assert '<th scope="col" class="number">seven</th>' in page.text
    assert page.text.count('<th scope="col" class="text">') == 2


async def test_a_fill_is_asked_for_again_until_it_has_ended(browser: Browser, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = asyncio.Event()
    fill_chunk = FillJob._fill_chunk  # pyright: ignore[reportPrivateUsage]

    async def held(*arguments: Any) -> Any:
        await may_go_on.wait()
        return await fill_chunk(*arguments)

    monkeypatch.setattr(ddl, "REHASH_ROWS", 10)
    monkeypatch.setattr(fill_job.FillJob, "_fill_chunk", held)
    columns = [{"slug": "domain", "type": "string", "label": ""}, {"slug": "employees", "type": "number", "label": ""}]
    model = await backend.admin.model("filled", columns=columns, idColumnSlug="domain", titleColumnSlug="domain")
    await backend.admin.add(model, *({"domain": f"{number:03d}.com", "employees": number} for number in range(20)))
    score = {"kind": "computed", "slug": "score", "type": "number", "label": "", "expression": {"expression": "record.employees * 2"}}
    await backend.admin.call("storage.column.create", modelUuid=model, column=score)

    page, htmx = f"/console/models/{model}", {"HX-Request": "true", "HX-Target": "fill"}
    assert "score is being filled: 0 of 20 records." in (await browser.get(page)).text
    part = (await browser.get(page, **htmx)).text.strip()
    assert part.startswith('<div id="fill" hx-get=') and "<table" not in part
    may_go_on.set()
    deadline = clock.seconds() + 60
    while "hx-get" in (part := (await browser.get(page, **htmx)).text):
        assert clock.seconds() < deadline
        await asyncio.sleep(0.1)
    assert "filled" not in part and 'id="fill"' in part
    assert 'id="fill"' not in (await browser.get(page)).text
