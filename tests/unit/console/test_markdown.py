"""Markdown that models write is shown as text with a form: nothing in it runs, loads or leads elsewhere than to the web."""

from __future__ import annotations

import pytest

from cargo_ai.console.markdown import MAX_CHARACTERS, rendered
from cargo_ai.kernel import clock


def test_the_usual_forms_are_rendered() -> None:
    text = rendered("# A\n\n**b** `c`\n\n- d\n\n| e | f |\n|---|---|\n| 1 | 2 |\n\n```sql\nSELECT 1\n```\n\n[g](https://example.com)")

    for part in ("<h3>A</h3>", "<strong>b</strong>", "<code>c</code>", "<li>d</li>", "<td>1</td>", "SELECT 1"):
        assert part in text
    assert '<a href="https://example.com" rel="noopener noreferrer nofollow" target="_blank">g</a>' in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "![x](https://evil.example/pixel)",
        "[x](javascript:alert(1))",
        "[x](data:text/html,hello)",
        "[x](/console/tokens)",
        "<https://evil.example/\"onmouseover='alert(1)>",
        '```"><script>\nalert(1)\n```',
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](https://a.example "\\"><script>alert(1)</script>")',
    ],
)
def test_nothing_in_it_runs_or_loads(text: str) -> None:
    html = rendered(text)

    for part in ("<script", "<img", 'href="javascript', 'href="data', 'href="/', " onerror=alert(1)>", '"onmouseover'):
        assert part not in html


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["[", "*a ", "**a __b ", "> ", "`", "![", "<", "- ", "|a", "(((", "\\", "&lt"])
def test_texts_that_are_made_to_be_slow_are_not(piece: str) -> None:
    began = clock.seconds()

    rendered(piece * (MAX_CHARACTERS // len(piece)))

    assert clock.seconds() - began < 10


def test_a_very_long_text_is_shown_as_it_is_written() -> None:
    assert rendered("*" * (MAX_CHARACTERS + 1)).startswith('<pre class="plain-text">')
