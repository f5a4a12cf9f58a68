"""Every page of the console in a browser: at both sizes, in both themes, without an error, a call to another host or a barrier."""

from __future__ import annotations

import pytest

from cargo_ai.console.views import PAGES
from tests.console.browser.conftest import Tabs
from tests.console.browser.kit import samples
from tests.console.browser.kit.browser import Check, Tab
from tests.console.browser.kit.seed import World

pytestmark = pytest.mark.browser

MAX_BYTES = 150_000
PATHS = [path for path in dict.fromkeys(page.path for page in PAGES if "GET" in page.methods) if path not in samples.DOWNLOADS]


def _check(tab: Tab, check: Check) -> list[str]:
    """What is wrong with the page that is shown, and with its colours in the other theme."""
    problems = tab.violations(check)
    tab.paint("dark")
    problems += [f"dark: {violation}" for violation in tab.violations("colours")]
    tab.paint("light")
    if (excess := tab.overflow()) > 0:
        problems.append(f"the page is {excess} pixels wider than the window")
    return problems


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_sound_at_both_sizes_and_in_both_themes(path: str, tabs: Tabs, world: World) -> None:
    address = samples.fill(path, world)
    problems: list[str] = []
    with tabs() as tab:
        assert tab.open(address) == 200
        problems += _check(tab, "all")
        if tab.bytes_received > MAX_BYTES:
            problems.append(f"{tab.bytes_received:,} bytes over the wire")
        tab.resize("phone")
        problems += [f"phone: {problem}" for problem in _check(tab, "layout")]
        problems += tab.problems()
    assert not problems, "\n".join(problems)
