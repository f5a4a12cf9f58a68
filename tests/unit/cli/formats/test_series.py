"""Counts by date on the command line: as JSON, as CSV, and as bars on stderr."""

from __future__ import annotations

import pytest

from cargo_ai.cli.formats.series import MAX_BARS, chart
from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import Cli

PATH = "/v1/billing/usage/metrics"
WORDS = ("billing", "usage", "get-metrics", "--from", "2026-01-01", "--to", "2026-01-02", "--unit", "credits")
REPLY = {
    "metrics": [
        {
            "date": "2026-01-01T00:00:00.000Z",
            "items": [
                {"slug": "native.script", "count": 1.5, "groupBy": None, "unit": "billing.credits"},
                {"slug": "integration.hunter.action.findEmail", "count": 1, "groupBy": "a,b", "unit": "billing.credits"},
            ],
        },
        {"date": "2026-01-02T00:00:00.000Z", "items": [{"slug": "native.script", "count": 5, "groupBy": None, "unit": "billing.credits"}]},
    ],
    "totalUsage": 7.5,
}


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("GET", PATH, REPLY)
    return cli


def test_csv_is_a_line_for_each_count(real: Cli) -> None:
    done = real(*WORDS, "--output", "csv")
    assert done.out == (
        "date,unit,slug,groupBy,count\n"
        "2026-01-01,billing.credits,native.script,,1.5\n"
        '2026-01-01,billing.credits,integration.hunter.action.findEmail,"a,b",1\n'
        "2026-01-02,billing.credits,native.script,,5\n"
    )


def test_bars_go_to_stderr_and_the_document_to_stdout(real: Cli) -> None:
    done = real(*WORDS, "--chart", PYTHONIOENCODING="ascii")
    assert done.json == REPLY
    lines = done.err.splitlines()
    assert lines[0] == "billing.credits by day"
    assert lines[1].split() == ["2026-01-01", "2.5", "#" * len(lines[1].split()[2])]
    assert len(lines[2].split()[2]) == 2 * len(lines[1].split()[2])
    assert [line.split()[:2] for line in lines[5:]] == [["(none)", "6.5"], ["a,b", "1"]]


def test_another_output_is_refused_with_what_there_is(real: Cli) -> None:
    done = real(*WORDS, "--output", "xml")
    assert done.code == 2
    assert "--output takes json, jsonl, table or csv" in done.json["errorMessage"]


def test_of_several_units_credits_are_drawn_and_many_days_by_month() -> None:
    dates = [f"2026-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
    days = [{"date": date, "slug": "s", "count": 1, "unit": "billing.credits"} for date in dates]
    lines = chart([*days, {"date": "2026-01-01", "slug": "success", "count": 9_999, "unit": "orchestration.executions"}], 80)
    assert len(days) > MAX_BARS
    assert [line.split()[:2] for line in lines[1:4]] == [["2026-01", "28"], ["2026-02", "28"], ["2026-03", "28"]]
    assert chart([], 80) == ["Nothing was used."]
