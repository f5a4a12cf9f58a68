"""What the tests in a browser share: one server with one workspace, one Chromium, and the sessions of an admin and of a viewer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright

from tests.console.browser.kit import browser as kit
from tests.console.browser.kit import peers, seed
from tests.console.browser.kit.browser import Size, Tab, Theme
from tests.console.browser.kit.peers import Peers
from tests.console.browser.kit.seed import World
from tests.kit.processes.real_server import real_server
from tests.simulators.language_models import server as language_models


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, started once."""
    executable = kit.find_chromium()
    if executable is None:
        pytest.skip(f"Chromium is not installed (Debian, Ubuntu: apt-get install chromium); {kit.EXECUTABLE} names one that is elsewhere.")
    expect.set_options(timeout=kit.WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = kit.launch(playwright, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def language_model() -> Iterator[language_models.Running]:
    """A language model, as far as the server can see."""
    with language_models.running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def around() -> Iterator[Peers]:
    """The services at which people sign in and consent."""
    with peers.running() as services:
        yield services


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, language_model: language_models.Running, around: Peers) -> Iterator[World]:
    """A server and what is in its workspace."""
    folder = tmp_path_factory.mktemp("console")
    addresses = f"openAi={language_model.url},hubspot={around.hubspot.url}"
    with real_server(folder, workers=1, data_dir=None, SERVICE_ADDRESSES=addresses, **around.settings()) as server:
        yield seed.build(server)


@pytest.fixture(scope="session")
def sessions(chromium: Browser, world: World) -> dict[str, StorageState]:
    """The cookies of the admin and of the viewer, who have signed in on the page."""
    return {name: kit.sign_in(chromium, world.server.base_url, token) for name, token in (("admin", world.admin), ("viewer", world.viewer))}


class Tabs:
    """Opens tabs of people who have signed in."""

    def __init__(self, browser: Browser, world: World, sessions: dict[str, StorageState]) -> None:
        self._browser, self._world, self._sessions = browser, world, sessions

    @contextmanager
    def __call__(self, person: str = "admin", *, size: Size = "desktop", theme: Theme = "light") -> Generator[Tab]:
        """A tab of `admin`, `viewer` or, by any other name, of a stranger."""
        session = self._sessions.get(person)
        with kit.new_tab(self._browser, self._world.server.base_url, session=session, size=size, theme=theme) as tab:
            yield tab


@pytest.fixture(scope="session")
def tabs(chromium: Browser, world: World, sessions: dict[str, StorageState]) -> Tabs:
    """Opens tabs."""
    return Tabs(chromium, world, sessions)
