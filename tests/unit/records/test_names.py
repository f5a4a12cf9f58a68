"""Names: what models are called in the database, and which slugs columns may have."""

from __future__ import annotations

import pytest

from cargo_ai.kernel import ids
from cargo_ai.records import names


def test_names_are_short_plain_and_new_each_time() -> None:
    workspace = ids.new()
    one = names.new_physical_names(workspace, "My-Dataset " + "x" * 80, "Ünïcode " + "y" * 80)
    other = names.new_physical_names(workspace, "my_dataset", "unicode")
    assert one.schema.startswith(f"ws_{workspace.hex[-12:]}_my_dataset_")
    for name in (one.schema, one.table, one.view, one.log):
        assert len(name) <= 59
        assert name.isascii()
    assert one.table != names.new_physical_names(workspace, "My-Dataset", "Ünïcode").table
    assert other.table[2:] == other.view[2:] == other.log[2:]


def test_quotes_in_names_cannot_end_them() -> None:
    assert names.quote('a"b') == '"a""b"'


@pytest.mark.parametrize("slug", ["_id", "a b", "a-b", "é", "", "x" * 61, "metric__x", "CTID"])
def test_slugs_that_columns_cannot_have(slug: str) -> None:
    assert names.slug_problem(slug) is not None


@pytest.mark.parametrize("slug", ["a", "A1_b", "1st", "x" * 60, "customs", "a__b"])
def test_slugs_that_columns_can_have(slug: str) -> None:
    assert names.slug_problem(slug) is None


def test_headers_become_slugs() -> None:
    taken = set[str]()
    found = [
        names.slug_from_header(header, taken)
        for header in ("Company Name", "company-name", "_id", "Öl", "€", "xmin", "Ærø ß", "日本", "x" * 200)
    ]
    assert found[:8] == ["company_name", "company_name_2", "id", "ol", "column", "c_xmin", "aero_ss", "column_2"]
    assert all(names.slug_problem(slug) is None for slug in found)
