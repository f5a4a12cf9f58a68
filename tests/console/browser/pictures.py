"""The pictures of the console in the documentation, made by `make pictures`: what a browser shows of the workspace of the tests."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit.browser import Size, Theme
from tests.console.browser.kit.seed import IN_FRANCE_TEXT, World

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
SQL = "SELECT country, COUNT(*) AS companies FROM default.companies GROUP BY country ORDER BY companies DESC"
PICTURES: tuple[tuple[str, str, Size, Theme], ...] = (
    ("console-records", f"/models/{{model}}/records?filter={quote(IN_FRANCE_TEXT)}&sort=employees&order=desc", "desktop", "light"),
    ("console-sql", f"/sql?query={quote(SQL)}", "desktop", "dark"),
    ("console-run", "/runs/{run}", "desktop", "light"),
)
"""Name, path, size, theme."""


@pytest.mark.parametrize(("name", "path", "size", "theme"), PICTURES)
def test_a_picture_is_made(name: str, path: str, size: Size, theme: Theme, tabs: Tabs, world: World) -> None:
    fields = {noun: quote(uuid, safe="") for noun, uuid in world.uuids.items()}
    for noun, uuid in fields.items():
        path = path.replace(f"{{{noun}}}", uuid)
    with tabs(size=size, theme=theme) as tab:
        if tab.open(path) != 200:
            pytest.skip(f"the console has no page {path}")
        tab.page.wait_for_load_state("networkidle")
        tab.picture(FOLDER / f"{name}.png")
