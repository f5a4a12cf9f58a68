"""A real browser for tests: the distribution's Chromium, driven by Playwright; what its pages say, load and break is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright, StorageState, ViewportSize

from tests.console.browser.kit import png

Theme = Literal["light", "dark"]
Size = Literal["desktop", "phone"]
Check = Literal["all", "colours", "layout"]
SIZES: dict[Size, ViewportSize] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
THEMES: tuple[Theme, ...] = ("light", "dark")

EXECUTABLE = "CHROMIUM_EXECUTABLE"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CHECKS: dict[Check, dict[str, Any]] = {
    "all": _RULES,
    "colours": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "layout": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]},
}
"""What is looked at: what a theme changes, what a size changes, or all."""
_SEVERE = {"serious", "critical"}
WAIT_MILLISECONDS = 15_000


def find_chromium() -> str | None:
    """The path of a Chromium that is installed here; the variable CHROMIUM_EXECUTABLE names another one."""
    return os.environ.get(EXECUTABLE) or next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start Chromium, which calls no one by itself."""
    return playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS), headless=True)


@dataclass
class Tab:
    """One page of a browser, as one user sees it at one size in one theme."""

    page: Page
    base_url: str
    console_errors: list[str] = field(default_factory=list[str])
    foreign_requests: list[str] = field(default_factory=list[str])
    failed_requests: list[str] = field(default_factory=list[str])
    bytes_received: int = 0
    """Over the wire, headers and compressed bodies, since `open` was called last."""

    def open(self, path: str) -> int:
        """Go to a path below /console and wait until it is loaded; the status of the answer."""
        self.bytes_received = 0
        response = self.page.goto(f"{self.base_url}/console{path}", wait_until="load")
        assert response is not None
        return response.status

    def resize(self, size: Size) -> None:
        """Show the page at another size."""
        self.page.set_viewport_size(SIZES[size])

    def paint(self, theme: Theme) -> None:
        """Show the page in another theme."""
        self.page.emulate_media(color_scheme=theme)

    def violations(self, check: Check = "all") -> list[str]:
        """What axe-core finds serious or critical on the page as it is now: rule, help and the first elements."""
        # What a bar covers at this moment is not too small: the page scrolls.
        self.page.evaluate("document.querySelectorAll('.as-command').forEach(bar => { bar.style.position = 'static' })")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        options = {"runOnly": CHECKS[check], "resultTypes": ["violations"]}
        found = cast("dict[str, Any]", self.page.evaluate("options => axe.run(document, options)", options))
        severe = [violation for violation in found["violations"] if violation["impact"] in _SEVERE]
        return [f"{item['id']}: {item['help']}: {[node['html'][:160] for node in item['nodes'][:3]]}" for item in severe]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(cast("float", self.page.evaluate(width)))

    def problems(self) -> list[str]:
        """What should not have happened since the tab was opened: errors in the console, calls to other hosts, requests that failed."""
        return [
            *(f"console error: {text}" for text in self.console_errors),
            *(f"request to another host: {url}" for url in self.foreign_requests),
            *(f"failed request: {text}" for text in self.failed_requests),
        ]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a small PNG of what is seen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png.small(self.page.screenshot(full_page=whole, animations="disabled", caret="hide")))


@contextmanager
def new_tab(
    browser: Browser,
    base_url: str,
    *,
    session: StorageState | None = None,
    size: Size = "desktop",
    theme: Theme = "light",
) -> Generator[Tab]:
    """A tab with nothing in its cache; `session`: the cookies of one who has signed in."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme, storage_state=session, reduced_motion="reduce")
    context.set_default_timeout(WAIT_MILLISECONDS)
    try:
        yield _watch(context, base_url)
    finally:
        context.close()


def _watch(context: BrowserContext, base_url: str) -> Tab:
    tab = Tab(context.new_page(), base_url)
    tab.page.on("console", lambda message: tab.console_errors.append(message.text) if message.type == "error" else None)
    tab.page.on("pageerror", lambda error: tab.console_errors.append(str(error)))
    context.on("request", lambda request: tab.foreign_requests.append(request.url) if _is_foreign(request.url, base_url) else None)
    tab.page.on("requestfailed", lambda request: _note_failure(tab, request.url, request.failure))
    _count_bytes(context.new_cdp_session(tab.page), tab)
    return tab


def _is_foreign(url: str, base_url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in {"data", "blob", "about"} and parts.netloc != urlsplit(base_url).netloc


def _note_failure(tab: Tab, url: str, failure: str | None) -> None:
    # A stream of events or a download ends so when the page is left.
    if failure != "net::ERR_ABORTED":
        tab.failed_requests.append(f"{url}: {failure}")


def _count_bytes(session: CDPSession, tab: Tab) -> None:
    def add(event: dict[str, Any]) -> None:
        tab.bytes_received += int(event.get("encodedDataLength", 0))

    session.send("Network.enable")  # pyright: ignore[reportUnknownMemberType] - its parameters have no types
    session.on("Network.loadingFinished", add)


def sign_in(browser: Browser, base_url: str, token: str) -> StorageState:
    """The cookies of one who signs in with a token, on the page for that."""
    with new_tab(browser, base_url) as tab:
        tab.open("/sign-in")
        tab.page.fill("input[name=token]", token)
        tab.page.press("input[name=token]", "Enter")
        tab.page.wait_for_url("**/console/")
        return tab.page.context.storage_state()
