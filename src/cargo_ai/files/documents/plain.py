"""Plain text and Markdown: paragraphs, and the headings that Markdown marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cargo_ai.files.documents.blocks import Block, Unreadable

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*")
_FENCES = ("```", "~~~")


def decode(data: bytes) -> str:
    """The text of bytes in UTF-8, UTF-16 with its mark, or else Windows-1252. Unreadable for what is not text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\x00" in data:
        raise Unreadable("The file is not text, and no kind of document whose text can be read: send PDF, DOCX, XLSX, CSV, HTML or text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    odd = sum(character == "\ufffd" or (character < " " and character not in "\t\n\r\f") for character in text[:100_000])
    if odd * 50 > min(len(text), 100_000):
        raise Unreadable("The file is not text, and no kind of document whose text can be read: send PDF, DOCX, XLSX, CSV, HTML or text.")
    return text


def paragraphs(text: str) -> Iterator[Block]:
    """The paragraphs of a text, which blank lines part."""
    gathered: list[str] = []
    for line in text.splitlines():
        if line.strip():
            gathered.append(line.strip())
        elif gathered:
            yield Block("\n".join(gathered))
            gathered = []
    if gathered:
        yield Block("\n".join(gathered))


def markdown(text: str) -> Iterator[Block]:
    """The same, with headings; in fenced code there are none."""
    gathered: list[str] = []
    fence = ""
    for line in text.splitlines():
        stripped = line.strip()
        if fence or stripped.startswith(_FENCES):
            fence = "" if fence and stripped.startswith(fence) else fence or stripped[:3]
            gathered.append(line.rstrip())
            continue
        heading = _HEADING.fullmatch(stripped) if stripped.startswith("#") else None
        level = len(heading[1]) if heading else 0
        title = heading[2] if heading else ""
        if len(gathered) == 1 and _UNDERLINE.fullmatch(stripped):
            level, title = (1 if stripped[0] == "=" else 2), gathered.pop()
        if gathered and (level or not stripped):
            yield Block("\n".join(gathered))
            gathered = []
        if level:
            yield Block(title, level)
        elif stripped:
            gathered.append(stripped)
    if gathered:
        yield Block("\n".join(gathered))
