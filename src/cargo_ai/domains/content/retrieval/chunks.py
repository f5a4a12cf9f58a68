"""Chunks: cut the text of a document into pieces that are small enough for a prompt, each with its position and its heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cargo_ai.files.documents.blocks import Block
from cargo_ai.kernel.wire import JsonObject

LONGEST = 900
"""Characters of a chunk, without its heading."""
_LONGEST_HEADING = 200
_SENTENCE_END = re.compile(r"(?<=[.!?。！？;:])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk that is not stored yet. position: `{page}`, `{sheet, row, lastRow}`, `{heading}`, as far as there are any."""

    text: str
    position: JsonObject
    heading: str = ""

    @property
    def searched(self) -> str:
        """What is searched: the text below its heading."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(slots=True)
class _Packing:
    """What is gathered for the next chunk."""

    texts: list[str] = field(default_factory=list[str])
    size: int = 0
    first: Block | None = None
    last: Block | None = None


def cut(blocks: Iterable[Block]) -> Iterator[Piece]:
    """The chunks of a document: paragraphs and rows are packed together as long as page, sheet and heading are the same."""
    headings: list[tuple[int, str]] = []
    packing, heading = _Packing(), ""
    for block in blocks:
        if block.level:
            yield from _ended(packing, heading)
            packing = _Packing()
            headings = [(level, text) for level, text in headings if level < block.level]
            headings.append((block.level, block.text.replace("\n", " ")[:_LONGEST_HEADING]))
            heading = " › ".join(text for _, text in headings)[-_LONGEST_HEADING:]
            continue
        for text in _parts(block.text):
            changed = packing.last is not None and (packing.last.page, packing.last.sheet) != (block.page, block.sheet)
            if packing.texts and (changed or packing.size + len(text) > LONGEST):
                yield from _ended(packing, heading)
                packing = _Packing()
            packing.texts.append(text)
            packing.size += len(text) + 1
            packing.first, packing.last = packing.first or block, block
    yield from _ended(packing, heading)
    if headings and not packing.texts:
        # A document may end with a heading, or be nothing else.
        yield Piece(headings[-1][1], {"heading": heading}, "")


def _ended(packing: _Packing, heading: str) -> Iterator[Piece]:
    if packing.first is None or packing.last is None:
        return
    first, last = packing.first, packing.last
    position: JsonObject = {}
    if first.page is not None:
        position["page"] = first.page
    if first.sheet is not None:
        position["sheet"] = first.sheet
    if first.row is not None:
        position |= {"row": first.row, "lastRow": last.row}
    if heading:
        position["heading"] = heading
    yield Piece("\n".join(packing.texts), position, heading)


def _parts(text: str) -> Iterator[str]:
    """A paragraph in parts of at most LONGEST characters: at ends of sentences, else between words, else anywhere."""
    if len(text) <= LONGEST:
        if text:
            yield text
        return
    gathered = ""
    for sentence in _SENTENCE_END.split(text):
        for part in _hard(sentence):
            if gathered and len(gathered) + 1 + len(part) > LONGEST:
                yield gathered
                gathered = ""
            gathered = f"{gathered} {part}" if gathered else part
    if gathered:
        yield gathered


def _hard(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", LONGEST // 2, LONGEST)
        at = at if at > 0 else LONGEST
        yield sentence[:at].rstrip()
        sentence = sentence[at:].lstrip()
    if sentence:
        yield sentence
