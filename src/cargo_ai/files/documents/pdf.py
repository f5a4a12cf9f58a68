"""PDF: the text of each page, as paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from cargo_ai.files.documents.blocks import Block, Note, Unreadable
from cargo_ai.files.documents.plain import paragraphs

MAX_PAGES = 3_000


def pdf(file: IO[bytes]) -> Iterator[Block | Note]:
    """The paragraphs of a PDF, page by page. A page that is broken is left out; Unreadable where no page has any text."""
    from pypdf import PdfReader

    reader = PdfReader(file, strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("The PDF is protected by a password: save it without one.")
    broken: list[int] = []
    has_text = False
    count = 0
    for number, page in enumerate(reader.pages, 1):
        if number > MAX_PAGES:
            yield Note(f"Only the first {MAX_PAGES:,} pages were read.")
            break
        count = number
        try:
            text = page.extract_text()
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception:  # a page may be broken in any way
            broken.append(number)
            continue
        for block in paragraphs(text):
            has_text = True
            yield Block(block.text, page=number)
    if not has_text:
        if broken:
            raise Unreadable("No page of the PDF can be read: it is damaged.")
        pages = f"{count} pages" if count != 1 else "page"
        raise Unreadable(f"The PDF has no text on its {pages}: it is made of images. Run it through a text recognition (OCR) first.")
    if broken:
        yield Note(f"{len(broken)} pages are damaged and were left out, the first is page {broken[0]}.")
