"""A copy of the repository for tests that change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.scratch_tree import ScratchTree


@pytest.fixture
def tree(tmp_path: Path) -> ScratchTree:
    """A fresh copy."""
    return ScratchTree(tmp_path / "repository")
