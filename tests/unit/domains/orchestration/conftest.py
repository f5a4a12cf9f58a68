"""Fixtures of the orchestration tests: a backend per module, and a small graph."""

from __future__ import annotations

import pytest

from tests.kit.api_client import Body
from tests.kit.graphs import node


@pytest.fixture
def graph() -> list[Body]:
    """start → end with one variable."""
    variables = [{"name": "domain", "type": "string", "value": "{{nodes.start.domain}}"}]
    return [node("start", children=("end",)), node("end", config={"variables": variables})]
