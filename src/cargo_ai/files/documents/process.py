"""Document process: read a document from standard input and write its blocks as lines. Others made what it opens, so it has limits.

Only this process loads the parsers. Its memory and time are bounded, it can write no file, start no process and, where the system lets
it, reach no network.
"""

from __future__ import annotations

import contextlib
import csv
import json
import re
import resource
import sys
from collections.abc import Iterable
from typing import IO
from xml.etree.ElementTree import ParseError  # nosec B405 - the class of an error; nothing is parsed here
from xml.parsers.expat import ExpatError

from cargo_ai.expression.sandbox import jail
from cargo_ai.files.documents import markup, office, pdf, plain, tables
from cargo_ai.files.documents.blocks import Block, Note, Unreadable, tidy

MAX_MEMORY = 768 * 1024 * 1024
CPU_SECONDS = 120
MAX_CHARACTERS = 10_000_000
MAX_CELL = 10_000_000
"""Of a document's text; the rest is left out."""
_HEAD = 4_096
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(file: IO[bytes], name: str) -> Iterable[Block | Note]:
    """The blocks of a document, by what it is rather than by what it is called. Unreadable."""
    head = file.read(_HEAD)
    file.seek(0)
    if not head.strip():
        raise Unreadable("The file is empty.")
    if b"%PDF-" in head[:1024]:
        return pdf.pdf(file)
    if head.startswith(b"PK\x03\x04"):
        return office.docx(file) if office.kind_of(file) == "docx" else office.xlsx(file)
    if head.startswith(_OLD_OFFICE):
        raise Unreadable(
            "The file is of an old kind (.doc, .xls, .ppt) or protected by a password: save it as DOCX, XLSX or PDF without one."
        )
    ending = name.lower().rpartition(".")[2]
    text = plain.decode(file.read())
    start = text[:500].lstrip().lower()
    if ending in {"html", "htm", "xhtml"} or start.startswith(("<!doctype html", "<html")):
        return markup.html(text)
    if ending in {"csv", "tsv"}:
        return tables.csv_rows(text)
    return plain.markdown(text) if ending in {"md", "markdown", "mdx"} else plain.paragraphs(text)


def write(blocks: Iterable[Block | Note], out: IO[str]) -> None:
    """Write blocks as lines of JSON, each `[text, level, page, sheet, row]`; a note is `[text]`. Unreadable when there is no text."""
    left = MAX_CHARACTERS
    has_text = False
    for block in blocks:
        if isinstance(block, Note):
            out.write(json.dumps([block.text]) + "\n")
            continue
        text = tidy(block.text)
        if not text:
            continue
        has_text = True
        sheet = tidy(block.sheet) if block.sheet else None
        out.write(json.dumps([text[:left], block.level, block.page, sheet, block.row]) + "\n")
        left -= len(text)
        if left <= 0:
            out.write(json.dumps([f"Only the first {MAX_CHARACTERS:,} characters were read."]) + "\n")
            break
    if not has_text:
        raise Unreadable("There is no text in the file.")


def _limit() -> None:
    # Before a library is imported: only a process without threads can leave the network.
    jail.enter_namespaces(None)
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    jail.drop_privileges()


def _damage(error: Exception) -> str:
    """What is wrong with a document, in words, by what a parser raised."""
    said = tidy(str(error.args[0] if isinstance(error, KeyError) and error.args else error))[:150].rstrip(".?")
    missing = re.search("no item named '(.+)' in the archive", said)
    if missing:
        return f"it has no part {missing.group(1)}"
    if isinstance(error, ParseError | ExpatError):
        return f"a part of it is not XML ({said})"
    return said or "nothing in it can be understood"


def main(words: list[str]) -> int:
    """0; 3 when there is no text to be had, which the last line says."""
    _limit()
    csv.field_size_limit(MAX_CELL)  # of this process alone: the others have a limit of their own
    sys.stdout.reconfigure(encoding="utf-8")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    try:
        write(read(sys.stdin.buffer, words[0]), sys.stdout)
        sys.stdout.flush()
    except Unreadable as wrong:
        problem = str(wrong)
    except MemoryError:
        problem = f"The file needs more than {MAX_MEMORY // 1024**2} MB of memory to be read."
    except RecursionError:
        problem = "The file is nested too deeply to be read."
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # a parser may fail in any way on what it was not made for
        problem = f"The file is damaged: {_damage(error)}. Open it in the program that wrote it, and save it again."
    else:
        return 0
    print(json.dumps(problem))  # noqa: T201 - what the parent reads
    sys.stdout.flush()
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
