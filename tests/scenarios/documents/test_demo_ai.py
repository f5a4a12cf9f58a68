"""`make demo-ai`: a real language model, small as it is, calls a tool and fills a form. Only where its environment was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import demo_ai

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not demo_ai.ready(), reason="the small model is not installed: make demo-ai builds it")]


def test_a_real_model_calls_a_tool_and_fills_a_form(tmp_path: Path) -> None:
    called, filled = demo_ai.play(tmp_path)
    assert called["status"] == "success", called["errorMessage"]
    (call,) = [part for part in called["parts"] if part["type"] == "tool-facts"]
    assert call["output"] == {"employees": 120} and called["parts"][-1]["type"] == "text"
    (form,) = [part["data"] for part in filled["parts"] if part["type"] == "data-output"]
    assert set(form) == {"employees", "industry"} and isinstance(form["employees"], int)
