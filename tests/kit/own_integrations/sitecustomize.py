"""Adds the integrations beside this file to those of every process that has this folder on its PYTHONPATH."""

from __future__ import annotations

from pathlib import Path

import cargo_ai.integrations

cargo_ai.integrations.__path__.append(str(Path(__file__).parent / "services"))
