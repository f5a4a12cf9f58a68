"""The documentation site: its arrangement, its links and its pictures; `make docs` builds it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tools.site import flowchart, hooks, python_reference

ROOT = Path(__file__).parents[2]


def test_every_page_has_its_place() -> None:
    def pages(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        inner: list[object] = list(entry.values()) if isinstance(entry, dict) else list(entry)  # type: ignore[call-overload]  # pyright: ignore
        return [page for below in inner for page in pages(below)]

    arranged = pages(hooks.nav(ROOT / "docs"))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert len(arranged) == len(set(arranged))
    assert set(arranged) == written | {*hooks.FROM_ROOT.values(), hooks.PYTHON}


def test_links_lead_to_pages_and_what_has_no_page_becomes_text() -> None:
    known = {"docs/settings.md": "settings.md", "docs/guide/a.md": "guide/a.md", **hooks.FROM_ROOT}
    assert (
        hooks.linked("[a](docs/guide/a.md#x) [b](https://b.test)", "README.md", "index.md", known)
        == "[a](guide/a.md#x) [b](https://b.test)"
    )
    assert hooks.linked("[c](../../CONTRIBUTING.md)", "docs/guide/a.md", "guide/a.md", known) == "[c](../contributing.md)"
    assert hooks.linked("[d](../../examples/companies.csv)", "docs/guide/a.md", "guide/a.md", known) == "d"
    assert hooks.linked("[e](gone.md)", "docs/guide/a.md", "guide/a.md", known) == "[e](gone.md)"


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_the_flowcharts_of_pages_are_drawn(page: str) -> None:
    chart = (ROOT / page).read_text("utf-8").partition("```mermaid\n")[2].partition("```")[0]
    drawn = ElementTree.fromstring(flowchart.picture(chart))
    assert {text.text for text in drawn.findall("text")} >= set(re.findall(r"\[\(?([^\])]+)", chart))


def test_the_reference_of_the_python_client_has_every_domain() -> None:
    text = python_reference.page()
    assert (
        "| `client.orchestration.batch.get(uuid)` | `BatchReply` | [orchestration batch get](orchestration.md#orchestration-batch-get)"
        in text
    )
    assert text.count("\n## ") == 12
