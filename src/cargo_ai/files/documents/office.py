"""DOCX and XLSX: archives of XML, looked at before a library opens them: how large they are unpacked, and whether they define entities."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import IO, Literal

from cargo_ai.files.documents.blocks import Block, Note, Unreadable
from cargo_ai.files.documents.markup import html
from cargo_ai.files.documents.tables import rows_of

MAX_UNPACKED = 300 * 1024 * 1024
MAX_PARTS = 10_000
MAX_SHEETS = 200
_PIECE = 256 * 1024
_DECLARATIONS = tuple(word.encode(coding) for word in ("<!DOCTYPE", "<!ENTITY") for coding in ("ascii", "utf-16-le", "utf-16-be"))
_XML = (".xml", ".rels", ".vml")


def kind_of(file: IO[bytes]) -> Literal["docx", "xlsx"]:
    """What kind of document an archive is. Unreadable for another one, or for one that is made to do harm."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            kind = "docx" if "word/document.xml" in names else "xlsx" if "xl/workbook.xml" in names else None
            if kind is None:
                other = "a presentation" if "ppt/presentation.xml" in names else "an archive"
                raise Unreadable(f"The file is {other}; the text of DOCX and XLSX can be read. Save it as PDF or send its files alone.")
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise Unreadable(f"The file is larger than {MAX_UNPACKED // 1024**2} MB when it is unpacked.")
            for part in parts:
                if part.filename.lower().endswith(_XML):
                    _refuse_declarations(archive, part)
    except NotImplementedError as error:
        raise Unreadable(f"The file is packed in a way that is not known here ({error}): open it, and save it again.") from None
    except RuntimeError:
        raise Unreadable("The file is protected by a password: save it without one.") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise Unreadable(f"The file is damaged, or only a part of it has come: {str(error)[:100].rstrip('.')}.") from None
    file.seek(0)
    return kind


def _refuse_declarations(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """No office program writes them; entities that name each other unpack a page to gigabytes."""
    tail = b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            joined = tail + piece
            if any(word in joined for word in _DECLARATIONS):
                raise Unreadable("The file defines XML entities, which documents have no use for: it is not read.")
            tail = joined[-32:]


def docx(file: IO[bytes]) -> Iterator[Block]:
    """The headings, paragraphs and rows of a Word document."""
    import mammoth  # pyright: ignore[reportMissingTypeStubs]

    converted = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(lambda _image: {}))  # pyright: ignore
    return html(str(converted.value))  # pyright: ignore


def xlsx(file: IO[bytes]) -> Iterator[Block | Note]:
    """The rows of a workbook's sheets, with the values that its formulas had when it was saved."""
    import openpyxl  # pyright: ignore[reportMissingModuleSource]

    book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    for number, sheet in enumerate(book.worksheets):
        if number == MAX_SHEETS:
            yield Note(f"Only the first {MAX_SHEETS} sheets were read.")
            return
        # What a sheet says of its size may be wrong, and then rows of millions of empty cells are made up.
        sheet.reset_dimensions()  # pyright: ignore
        yield from rows_of(sheet.iter_rows(values_only=True), str(sheet.title))  # pyright: ignore
