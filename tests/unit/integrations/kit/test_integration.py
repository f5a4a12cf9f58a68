"""Integrations by slug: each is imported when it is first asked for, and only then."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cargo_ai.integrations.kit import integrations
from cargo_ai.integrations.kit.integration import Integrations, folder_of

IDLE = """
import sys
from cargo_ai.server import compose
compose.operation_handlers()
print(*sorted({name.split(".")[2] for name in sys.modules if name.startswith("cargo_ai.integrations.")}))
"""


def test_each_is_found_by_its_slug_alone() -> None:
    for slug in integrations():
        known = Integrations()
        assert known[slug].slug == slug
        assert list(known.loaded) == [slug]


@pytest.mark.parametrize("slug", ["", "kit", "open_ai", "OPENAI", "http.actions", "../http", "noSuchService"])
def test_what_is_no_slug_loads_nothing(slug: str) -> None:
    known = Integrations()
    assert known.get(slug) is None and slug not in known
    assert not known.loaded


def test_all_of_them_come_in_the_order_of_their_names() -> None:
    names = [integration.name.lower() for integration in Integrations().values()]
    assert names == sorted(names) and len(names) == len(Integrations())


def test_a_slug_says_in_which_folder_it_is() -> None:
    assert [folder_of(slug) for slug in ("instantlyV2", "FullEnrich", "s3", "openAiCompatible")] == [
        "instantly_v2",
        "full_enrich",
        "s3",
        "open_ai_compatible",
    ]


def test_none_declares_prices_which_the_operator_sets() -> None:
    assert not [action.slug for integration in integrations().values() for action in integration.actions if action.costs]


@pytest.mark.slow
def test_a_server_with_nothing_to_do_has_loaded_no_service() -> None:
    done = subprocess.run([sys.executable, "-c", IDLE], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["kit", "webhook"]
