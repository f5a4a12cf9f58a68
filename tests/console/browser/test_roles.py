"""What people with some rights are shown: no link leads them to a page, and no form to a deed, that is refused for want of a right."""

from __future__ import annotations

import html
import re
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import pytest

from cargo_ai.console.views import PAGES
from tests.console.browser.kit import samples
from tests.console.browser.kit.seed import World

pytestmark = pytest.mark.browser

RIGHTS: dict[str, list[str]] = {
    "data": ["storage:read", "segmentation:*"],
    "work": ["orchestration:*"],
    "agents": ["ai:*", "connection:read"],
    "people": ["workspaceManagement:*", "billing:*"],
}
_MAIN = re.compile(r"<main.*?</main>", re.DOTALL)
_LINK = re.compile(r'href="(/console/[^"#]*)"')
_FORM = re.compile(r'<form method="post" action="(/console/[^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_ASIDE = ("/console/theme", "/console/sign-out")


@contextmanager
def signed_in(world: World, token: str) -> Generator[httpx.Client]:
    """A browser without scripts, of the person with this token."""
    with httpx.Client(base_url=world.server.base_url, timeout=60, trust_env=False) as client:
        fields = dict(_HIDDEN.findall(client.get("/console/sign-in").text))
        assert client.post("/console/sign-in/token", data={**fields, "token": token}).status_code == 303
        yield client


def token_with(world: World, name: str, actions: list[str]) -> str:
    """A token that may do these things."""
    rules = [{"effect": "allow", "actions": actions}]
    return str(world.call("workspaceManagement.token.create", name=name, permissions=rules)["token"]["token"])


@pytest.mark.parametrize("name", ["viewer", *RIGHTS])
def test_nothing_is_offered_that_is_refused(name: str, world: World) -> None:
    token = world.viewer if name == "viewer" else token_with(world, name, RIGHTS[name])
    paths = dict.fromkeys(page.path for page in PAGES if "GET" in page.methods and page.path not in samples.DOWNLOADS)
    links: dict[str, str] = {}
    forms: dict[str, tuple[str, dict[str, str]]] = {}
    with signed_in(world, token) as client:
        for path in paths:
            page = client.get(f"/console{samples.fill(path, world)}")
            assert page.status_code in (200, 403), (path, page.status_code)
            if page.status_code == 403:
                continue
            main = _MAIN.search(page.text)
            assert main is not None, path
            links |= {html.unescape(link): path for link in _LINK.findall(main[0]) if "/download" not in link and "/export" not in link}
            for target, inside in _FORM.findall(main[0]):
                hidden = {html.unescape(field): html.unescape(value) for field, value in _HIDDEN.findall(inside)}
                forms.setdefault(html.unescape(target), (path, hidden))
        refused = [f"{path} leads to {link}" for link, path in links.items() if client.get(link).status_code == 403]
        if name == "viewer":
            assert not forms, forms.keys()
        # Without what people enter nothing is done; what is refused for want of a right is refused before.
        for target, (path, hidden) in forms.items():
            if re.search("/(remove|cancel|stop|disconnect)$", target):
                continue
            response = client.post(target, data=hidden)
            if response.status_code == 403 and target not in _ASIDE:
                refused.append(f"{path} has a form for {target}")
    assert not refused, "\n".join(refused)
