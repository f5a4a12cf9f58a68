"""HTML: headings, paragraphs, list items and rows, without scripts, styles and forms."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from cargo_ai.files.documents.blocks import Block

_LEFT_OUT = frozenset({"script", "style", "noscript", "template", "svg", "math", "select", "textarea", "iframe", "object"})
_BREAKS = frozenset(
    {
        "p",
        "div",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "nav",
        "aside",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "tr",
        "form",
    }
) | {"blockquote", "pre", "figure", "figcaption", "hr", "body", "html", "head", "title", "thead", "tbody", "caption", "address", "details"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._texts: list[str] = []
        self._level = 0
        self._left_out: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block where the tag begins one."""
        if self._left_out:
            return
        if tag in _LEFT_OUT:
            self._left_out = tag
        elif tag in _HEADINGS:
            self.end_block()
            self._level = _HEADINGS[tag]
        elif tag in _BREAKS:
            self.end_block()
        elif tag == "br":
            self._texts.append("\n")
        elif tag in {"td", "th"} and self._texts:
            self._texts.append(" | ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content is left out nowhere: it has nothing to leave out."""
        if tag not in _LEFT_OUT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """End a block where the tag ends one."""
        if self._left_out:
            if tag == self._left_out:
                self._left_out = None
        elif tag in _HEADINGS or tag in _BREAKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if not self._left_out:
            self._texts.append(data)

    def end_block(self) -> None:
        """What was gathered is a block."""
        lines = [" ".join(line.split()) for line in "".join(self._texts).splitlines()]
        text = "\n".join(line for line in lines if line.strip(" |"))
        if text:
            self.blocks.append(Block(text, self._level))
        self._texts, self._level = [], 0


def html(text: str) -> Iterator[Block]:
    """The blocks of an HTML document."""
    reader = _Reader()
    for at in range(0, len(text), 65_536):
        reader.feed(text[at : at + 65_536])
        yield from reader.blocks
        reader.blocks.clear()
    reader.close()
    reader.end_block()
    yield from reader.blocks
