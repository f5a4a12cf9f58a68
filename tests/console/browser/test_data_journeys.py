"""Journeys through the pages of data in a browser: build a segment and export it, ask by SQL, undo a change set, edit a record."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit.seed import NO_FILTER, Json, World

pytestmark = pytest.mark.browser

ABOUT = "What the condition is about"


def _rows(page: Page) -> list[dict[str, str]]:
    """The rows of the file that the page's export to CSV gives."""
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="csv", exact=True).click()
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))


def test_a_filter_is_built_saved_as_a_segment_and_exported(tabs: Tabs, world: World) -> None:
    with tabs() as tab:
        page = tab.page
        tab.open(f"/models/{world.uuids['model']}/records")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label(ABOUT).select_option(label="Country")
        page.get_by_label("value 1").fill("Germany")
        page.get_by_role("button", name="or …").click()
        page.get_by_label("value 2").fill("Sweden")
        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label(ABOUT).nth(1).select_option(label="Employees")
        page.get_by_label("Operator").nth(1).select_option(label="is more than")
        page.get_by_label("value", exact=True).fill("500")
        page.get_by_role("button", name="Apply", exact=True).click()

        expected = [row for row in _companies(world) if row["country"] in {"Germany", "Sweden"} and row["employees"] > 500]
        expect(page.locator("#count")).to_contain_text(f"{len(expected)} records")
        assert {row["domain"] for row in _rows(page)} == {row["domain"] for row in expected}

        page.get_by_text("Save as segment").click()
        page.locator("#field-name").fill("Large in the north")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("heading", name="Large in the north")).to_be_visible()
        segments = world.call("segmentation.segment.all")["segments"]
        saved = next(segment for segment in segments if segment["name"] == "Large in the north")
        assert saved["recordsCount"] == len(expected)
        assert [one["kind"] for one in saved["filter"]["groups"][0]["conditions"]] == ["string", "number"]
        page.go_back()
        expect(page.locator("#count")).to_contain_text(f"{len(expected)} records")
        assert tab.problems() == []


def test_what_is_typed_while_the_filter_is_drawn_again_stays(tabs: Tabs, world: World) -> None:
    with tabs() as tab:
        page = tab.page
        tab.open(f"/models/{world.uuids['model']}/records")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label(ABOUT).select_option(label="Employees")
        expect(page.get_by_label("Operator")).to_be_visible()
        held: list[Route] = []
        page.route("**act=show**", lambda route: held.append(route))
        with page.expect_request("**act=show**"):
            page.get_by_label("Operator").select_option(label="is more than")
        page.get_by_label("value", exact=True).fill("500")
        with page.expect_response("**act=show**"):
            held.pop().continue_()
        page.get_by_role("button", name="Apply", exact=True).click()
        expected = sum(row["employees"] > 500 for row in _companies(world))
        expect(page.locator("#count")).to_contain_text(f"{expected} records")


def _companies(world: World) -> list[Json]:
    """All records of the model of companies."""
    listed = world.call("segmentation.segment.fetch", modelUuid=world.uuids["model"], filter=NO_FILTER, fetchingLimit=1_000)
    records: list[Json] = listed["records"]
    return records


def test_a_query_is_run_drawn_and_exported(tabs: Tabs) -> None:
    with tabs() as tab:
        page = tab.page
        tab.open("/sql")
        page.get_by_label("Query").fill("SELECT country, COUNT(*) AS companies FROM default.companies GROUP BY country ORDER BY country")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_role("cell", name="Portugal").first).to_be_visible()
        expect(page.get_by_role("img", name="companies by country")).to_be_visible()
        assert "Portugal" in [row["country"] for row in _rows(page)]
        page.get_by_label("Query").fill("SELECT nothing FROM default.companies")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_role("alert")).to_contain_text("nothing")
        assert tab.problems() == []


def test_a_change_set_is_looked_at_and_undone(tabs: Tabs, world: World) -> None:
    row = {"domain": "mistake.example", "name": "Mistake"}
    world.call("storage.record.create", modelUuid=world.uuids["model"], data=row)
    with tabs() as tab:
        page = tab.page
        page.on("dialog", lambda dialog: dialog.accept())
        tab.open(f"/models/{world.uuids['model']}/changes")
        page.locator("tbody tr a").first.click()
        expect(page.get_by_role("link", name="Mistake").or_(page.get_by_role("link", name="mistake.example"))).to_be_visible()
        page.get_by_role("link", name="Undo …").click()
        expect(page.get_by_text("Nothing has been changed yet")).to_be_visible()
        page.get_by_role("button", name="Undo it").click()
        expect(page.get_by_text("Undone: 1 records removed.")).to_be_visible()
        assert tab.problems() == []
    refused = world.server.send("storage.record.get", modelUuid=world.uuids["model"], id="mistake.example")
    assert refused.status_code == 404


def test_a_record_is_edited_and_its_history_says_so(tabs: Tabs, world: World) -> None:
    with tabs(size="phone") as tab:
        page = tab.page
        tab.open(f"/models/{world.uuids['model']}/records/company-007.example")
        page.get_by_label("Tier").fill("silver")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Written: tier.")).to_be_visible()
        expect(page.locator(".timeline ins").first).to_have_text("silver")
        assert tab.problems() == []


def test_a_viewer_looks_and_has_no_button_that_writes(tabs: Tabs, world: World) -> None:
    with tabs("viewer") as tab:
        page = tab.page
        tab.open(f"/models/{world.uuids['model']}/records")
        expect(page.get_by_text("Columns").first).to_be_visible()
        for name in ("New record", "Save as segment"):
            expect(page.get_by_text(name)).to_have_count(0)
        tab.open(f"/models/{world.uuids['model']}/records/company-007.example")
        expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_the_filter_as_json_is_what_the_command_line_takes(tabs: Tabs, world: World) -> None:
    condition = {"kind": "boolean", "columnSlug": "is_customer", "operator": "isTrue"}
    filter: Json = {"conjonction": "and", "groups": [{"conjonction": "or", "conditions": [condition]}]}
    with tabs() as tab:
        page = tab.page
        tab.open(f"/models/{world.uuids['model']}/records")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_text("As JSON", exact=True).click()
        page.get_by_label("The filter as JSON").fill(json.dumps(filter))
        page.get_by_role("button", name="Apply the JSON").click()
        expect(page.get_by_label(ABOUT)).to_have_value("column:is_customer")
        page.get_by_text("As JSON", exact=True).click()
        assert json.loads(page.get_by_role("button", name="Copy filter as JSON").get_attribute("data-copy") or "") == filter
        assert tab.problems() == []
