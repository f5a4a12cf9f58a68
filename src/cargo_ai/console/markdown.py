"""Markdown that others wrote, models among them, as HTML: no HTML of theirs, no images, and links only to the web."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

MAX_CHARACTERS = 60_000
"""A longer text is shown as it is written: rendering takes longer than people wait."""
MAX_BRACKETS = 2_000
"""A text with more is shown so, too: each that is not closed is looked for to the end of its paragraph."""
_SCHEMES = {"http", "https", "mailto"}
_HEADINGS_BELOW = 2


def rendered(text: str) -> Markup:
    """The HTML of a text, in a box of its own."""
    if len(text) > MAX_CHARACTERS or text.count("[") > MAX_BRACKETS:
        return Markup('<pre class="plain-text">{}</pre>').format(text)
    return Markup('<div class="prose">{}</div>').format(_html(text))


@lru_cache(maxsize=128)
def _html(text: str) -> Markup:
    return Markup(_parser().render(text))  # nosec B704  # noqa: S704 (the parser escapes what is not Markdown)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable(["table", "strikethrough"])
    parser.disable(["image", "html_block", "html_inline"])
    parser.validateLink = _is_safe
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    return parser


def _is_safe(url: str) -> bool:
    try:
        return urlsplit(url.strip()).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _link(renderer: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: MutableMapping[str, Any]) -> str:
    href = escape(str(tokens[at].attrGet("href") or ""))
    return f'<a href="{href}" rel="noopener noreferrer nofollow" target="_blank">'


def _heading(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    """A page has one title: headings of texts stand below its own."""
    token = tokens[at]
    level = min(int(token.tag[1]) + _HEADINGS_BELOW, 6)
    return f"<h{level}>" if token.nesting == 1 else f"</h{level}>\n"
