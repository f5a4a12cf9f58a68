"""Documents are read by a process with limits: what each kind gives, and what files that are made to do harm give."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from cargo_ai.files.documents import reader
from cargo_ai.files.documents.blocks import Block, Unreadable
from tests.kit import documents


async def read(data: bytes, name: str, *, seconds: float = 60) -> reader.Document:
    async def stream() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 65_536):
            yield data[at : at + 65_536]

    return await reader.read(stream(), name, seconds=seconds)


async def problem(data: bytes, name: str, *, seconds: float = 60) -> str:
    with pytest.raises(Unreadable) as caught:
        await read(data, name, seconds=seconds)
    return str(caught.value)


def _locked(archive: bytes) -> bytes:
    """The archive, whose parts say that they are encrypted."""
    locked = bytearray(archive)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := locked.find(mark, at + 1)) >= 0:
            locked[at + flags] |= 1
    return bytes(locked)


async def test_a_pdf_gives_paragraphs_with_their_pages() -> None:
    document = await read(documents.pdf(["Welcome to Acme.", "Vacation is\n30 days."]), "handbook.pdf")
    assert document.blocks == [Block("Welcome to Acme.", page=1), Block("Vacation is\n30 days.", page=2)]


async def test_a_word_document_gives_headings_and_paragraphs() -> None:
    document = await read(
        documents.docx([("Refunds", "Heading1"), ("Within 30 days.", None), ("Late", "Heading2"), ("Credit.", None)]), "a.docx"
    )
    assert document.blocks == [Block("Refunds", 1), Block("Within 30 days."), Block("Late", 2), Block("Credit.")]


async def test_a_row_of_a_workbook_names_its_columns() -> None:
    data = documents.xlsx({"Prices": [["Plan", "Price"], ["Starter", 19.0], [None, None], ["Growth", 99]], "Empty": []})
    document = await read(data, "prices.xlsx")
    assert document.blocks == [
        Block("Columns: Plan, Price", sheet="Prices", row=1),
        Block("Plan: Starter; Price: 19", sheet="Prices", row=2),
        Block("Plan: Growth; Price: 99", sheet="Prices", row=4),
    ]


async def test_a_day_in_a_workbook_has_no_time() -> None:
    day, moment = datetime(2026, 9, 30, tzinfo=None), datetime(2026, 9, 30, 12, 30, tzinfo=None)  # noqa: DTZ001 - workbooks know no zones
    document = await read(documents.xlsx({"Goals": [["From", "To"], [day, moment]]}), "goals.xlsx")
    assert document.blocks[1].text == "From: 2026-09-30; To: 2026-09-30 12:30:00"


@pytest.mark.parametrize(
    ("name", "data", "blocks"),
    [
        ("a.csv", b"plan;price\nStarter;19\n", [Block("Columns: plan, price", row=1), Block("plan: Starter; price: 19", row=2)]),
        (
            "a.md",
            b"# One\n\ntext\nmore\n\nTwo\n---\n```\n# code\n```\n",
            [Block("One", 1), Block("text\nmore"), Block("Two", 2), Block("```\n# code\n```")],
        ),
        ("a.txt", "Größe\n\n# no heading".encode("cp1252"), [Block("Größe"), Block("# no heading")]),
        ("a.txt", "Maß".encode("utf-16"), [Block("Maß")]),
        (
            "a.html",
            b"<h1>A</h1><script>x<p></script><p>one<br>two<table><tr><td>1<td>2</table>",
            [Block("A", 1), Block("one\ntwo"), Block("1 | 2")],
        ),
        ("a.txt", b"a\x01b\tc  d", [Block("a b c d")]),
    ],
)
async def test_texts_are_read_as_what_they_are(name: str, data: bytes, blocks: list[Block]) -> None:
    assert (await read(data, name)).blocks == blocks


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pdf", documents.pdf([""]), "no text on its page"),
        ("a.pdf", b"%PDF-1.7 and nothing else", "damaged"),
        ("a.docx", documents.docx([("x", None)])[:-40], "damaged"),
        ("a.docx", documents.archive({"word/document.xml": b"<a><b"}), "a part of it is not XML"),
        ("a.xlsx", documents.archive({"xl/workbook.xml": b"<a/>"}), "it has no part [Content_Types].xml."),
        ("a.docx", _locked(documents.docx([("x", None)])), "protected by a password"),
        ("a.txt", b"", "empty"),
        ("a.docx", documents.docx([("&a;", None)], prolog='<!DOCTYPE x [<!ENTITY a "aaaa">]>'), "XML entities"),
        ("a.zip", documents.archive({"a.txt": b"text"}), "an archive"),
        ("a.pptx", documents.archive({"ppt/presentation.xml": b"<a/>"}), "a presentation"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "old kind"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "not text"),
        ("a.bin", bytes(range(1, 256)) * 10, "not text"),
        ("a.txt", b" \n ", "empty"),
        ("a.html", b"<script>only</script>", "no text"),
    ],
)
async def test_a_file_without_text_says_why(name: str, data: bytes, sentence: str) -> None:
    assert sentence in await problem(data, name)


async def test_an_archive_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    bomb = documents.docx([("x", None)], more={"word/media.xml": bytes(301 * 1024 * 1024)})
    assert len(bomb) < 1024 * 1024
    assert "when it is unpacked" in await problem(bomb, "bomb.docx")


async def test_a_stream_of_a_pdf_that_unpacks_to_gigabytes_ends_within_the_limits() -> None:
    # Pieces that end in a full flush know nothing of each other: one is packed, and repeated.
    packed = zlib.compressobj(9)
    begin = packed.compress(b" " * 1024 * 1024) + packed.flush(zlib.Z_FULL_FLUSH)
    piece = packed.compress(b" " * 1024 * 1024) + packed.flush(zlib.Z_FULL_FLUSH)
    drawn = begin + piece * 1_199
    data = documents.pdf(["here"]).replace(b"/Contents 5 0 R", b"/Contents 9 0 R")
    stream = b"9 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream\nendobj\n" % (len(drawn), drawn)
    assert await problem(data.replace(b"xref\n", stream + b"xref\n", 1), "bomb.pdf")


@pytest.mark.slow
async def test_of_a_pdf_with_too_many_pages_the_rest_is_left_out_and_noted() -> None:
    document = await read(documents.pdf(["Page"] * 3_005), "long.pdf")
    assert [block.page for block in document.blocks][-1] == 3_000
    assert document.notes == ["Only the first 3,000 pages were read."]


async def test_a_pdf_whose_pages_name_each_other_ends_within_the_limits() -> None:
    data = documents.pdf(["here"]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R 2 0 R 2 0 R]")
    assert await problem(data, "circle.pdf")


async def test_a_pdf_with_a_password_says_so() -> None:
    assert "protected by a password" in await problem(documents.with_password(documents.pdf(["secret"]), "sesame"), "locked.pdf")


@pytest.mark.slow
async def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    sheet = b"<worksheet><sheetData>" + (b"<row><c><v>" + b"1" * 1_000 + b"</v></c></row>") * 310_000
    bomb = documents.archive({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": sheet})
    assert "when it is unpacked" in await problem(bomb, "bomb.xlsx")


async def test_of_a_table_with_too_many_columns_the_rest_is_left_out_and_noted() -> None:
    row = ",".join(f"c{number}" for number in range(100_000))
    document = await read(f"{row}\n{row}\n".encode(), "wide.csv")
    assert len(document.blocks) == 2 and document.blocks[1].text.endswith("c499: c499")
    assert document.notes == ["Only the first 500 columns were read."]


@pytest.mark.parametrize(("name", "start"), [("a.docx", b"\x89PNG\r\n\x1a\n"), ("a.pdf", b"\x7fELF"), ("a.csv", b"\xff\xd8\xff\xe0")])
async def test_a_picture_or_a_program_by_another_name_is_not_read(name: str, start: bytes) -> None:
    assert "not text" in await problem(start + bytes(2_000), name)


async def test_a_document_is_read_as_what_it_is_whatever_it_is_called() -> None:
    assert (await read(documents.pdf(["Hello"]), "notes.txt")).blocks == [Block("Hello", page=1)]
    assert (await read(b"Hello", "notes.pdf")).blocks == [Block("Hello")]


async def test_a_reader_that_takes_too_long_is_ended() -> None:
    rows = "\n".join(f"{row},text of a row" for row in range(400_000)).encode()
    assert "longer than" in await problem(rows, "long.csv", seconds=0.2)


@pytest.mark.slow
async def test_of_a_long_table_the_rest_is_left_out_and_noted() -> None:
    document = await read("\n".join(f"{row},x" for row in range(200_010)).encode(), "long.csv")
    assert len(document.blocks) == 200_000
    assert document.notes == ["Only the first 200,000 rows were read."]


async def test_a_deeply_nested_page_does_no_harm() -> None:
    document = await read(b"<div>" * 200_000 + b"deep", "deep.html")
    assert document.blocks == [Block("deep")]


async def test_of_a_long_line_the_rest_is_left_out_and_noted() -> None:
    document = await read(b"a" * 11_000_000, "long.txt")
    assert [len(block.text) for block in document.blocks] == [10_000_000]
    assert document.notes == ["Only the first 10,000,000 characters were read."]
