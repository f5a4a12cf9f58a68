"""Row files: CSV and NDJSON as streams."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.files.csv_files import MAX_FIELD, csv_blocks, csv_chunks, csv_columns
from cargo_ai.files.json_files import json_chunks
from cargo_ai.files.text_files import MAX_ROW, InvalidFile


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes | str, piece: int = 7, **options: Any) -> list[dict[str, str]]:
    raw = data.encode() if isinstance(data, str) else data
    return [row async for chunk in csv_chunks(pieces(raw, piece), **options) for row in chunk]


async def refused(data: bytes | str, piece: int = 7) -> str:
    with pytest.raises(InvalidFile) as reported:
        await read(data, piece)
    return str(reported.value)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a,b\n1,2", [{"a": "1", "b": "2"}]),
        ("a,b\r\n1,2\r\n3,4\r\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("a,b\r1,2\r3,4\r", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("\ufeffa,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a;b\n1,5;2\n", [{"a": "1,5", "b": "2"}]),
        ("a\tb\n1;2\t3\n", [{"a": "1;2", "b": "3"}]),
        ('"x;y;z",b\n1,2\n', [{"x;y;z": "1", "b": "2"}]),
        ('a,b\n"1,\n2","say ""hi"""\n', [{"a": "1,\n2", "b": 'say "hi"'}]),
        ('"a\nb",c\n1,2\n', [{"a\nb": "1", "c": "2"}]),
        ('a,b\n5" disk,2\n3,4\n', [{"a": '5" disk', "b": "2"}, {"a": "3", "b": "4"}]),
        ('a,b\n"1"2,3\n', [{"a": "12", "b": "3"}]),
        ("a,b\n1\n", [{"a": "1", "b": ""}]),
        ("a,b\n1,2,,\n", [{"a": "1", "b": "2"}]),
        ("a,b\n\n1,2\n\n\n3,4\n\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("\n\na,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a,a,a\n1,2,3\n", [{"a": "1", "a_2": "2", "a_3": "3"}]),
        ("a,a_2,a\n1,2,3\n", [{"a": "1", "a_2": "2", "a_3": "3"}]),
        ("a,,b,\n1,2,3,4\n", [{"a": "1", "column_2": "2", "b": "3", "column_4": "4"}]),
        (" Name ,B\n x ,\n", [{" Name ": " x ", "B": ""}]),
        ("a\n007\n", [{"a": "007"}]),
        ("a,b\n1\u2028x,2\x0b\n", [{"a": "1\u2028x", "b": "2\x0b"}]),
        ("ä,日本\nñ,😀\n", [{"ä": "ñ", "日本": "😀"}]),
        ('a"\r";"\r;', [{'a"': ";"}, {'a"': ";"}]),
        ('a,b;"c\n"d;e\n1;2;3\n', [{"a,b": "1", "c\nd": "2", "e": "3"}]),
        ('5" disk;b\n1;2\n', [{'5" disk': "1", "b": "2"}]),
        ('"a"";b";c\n1;2\n', [{'a";b': "1", "c": "2"}]),
        ("a,b\n", []),
        ("", []),
        ("\n\n", []),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
async def test_a_csv_file_reads_as_rows(text: str, rows: list[dict[str, str]], piece: int) -> None:
    assert await read(text, piece) == rows


async def test_rows_come_in_chunks_of_the_asked_size() -> None:
    data = ("n\n" + "".join(f"{n}\n" for n in range(2_500))).encode()
    sizes = [len(chunk) async for chunk in csv_chunks(pieces(data, 1000), 1000)]
    assert sizes == [1000, 1000, 500]


@pytest.mark.parametrize("skip", [0, 1, 999, 1000, 2_499, 2_500, 5_000])
async def test_skipped_rows_are_left_out(skip: int) -> None:
    data = "n\n" + "".join(f"{n}\n\n" for n in range(2_500))
    assert [row["n"] for row in await read(data, 1000, skip=skip)] == [str(n) for n in range(skip, 2_500)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "Row 3 has 3 values, but the header names 2 columns."),
        ("a,b\n\n\n1,2,3\n", "Row 4 "),
        ('a,b\n1,2\n"open,2\n3,4\n', "Row 3 has a quote that is never closed."),
        (b"a,b\n1,\xff\n", "Line 2 is not UTF-8"),
        (b"a,b\n1,2\n\xe4\xe4,2\n", "Line 3 is not UTF-8"),
        (b"a,b\n1,2\n\xe2\x82", "Line 3 is not UTF-8"),
        (b"a,b\n1,\x00\n", "Line 2 has a NUL"),
        (b"PK\x03\x04\x00\x00\x00", "Excel workbook"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (",".join(f"c{n}" for n in range(2_001)) + "\n", "2,001 columns"),
    ],
)
@pytest.mark.parametrize("piece", [3, 1000])
async def test_a_file_that_cannot_be_read_is_reported_with_its_row(text: bytes | str, said: str, piece: int) -> None:
    assert said in await refused(text, piece)


async def test_a_value_above_one_megabyte_is_reported_with_its_row() -> None:
    reported = await refused("a,b\n1,2\n" + "x" * (MAX_FIELD + 1) + ",2\n", 65_536)
    assert reported.startswith("Row 3 has a value of more than 1 MB")


async def test_a_value_of_one_megabyte_is_fine() -> None:
    (row,) = await read("a,b\n1," + "x" * MAX_FIELD + "\n", 65_536)
    assert len(row["b"]) == MAX_FIELD


async def test_a_line_without_an_end_is_given_up() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"a,b\n"
        while True:
            yield b"x,x," * 16_384

    with pytest.raises(InvalidFile, match=f"Row 2 is longer than {MAX_ROW // 2**20} MB"):
        async for _ in csv_chunks(endless()):
            pass


async def test_many_long_values_cost_the_time_of_a_few_readings() -> None:
    row = '"' + "line\n" * 100_000 + '",2\n'
    rows = await read("a,b\n" + row * 10, 4096)
    assert [len(found["a"]) for found in rows] == [500_000] * 10


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_file() -> None:
    async def source(rows: int) -> AsyncIterator[bytes]:
        yield b"name,domain,employees\n"
        for _ in range(rows // 1000):
            yield b"Company with a name,company.example,250\n" * 1000

    async def peak(rows: int) -> int:
        tracemalloc.start()
        count = 0
        async for chunk in csv_chunks(source(rows)):
            count += len(chunk)
        assert count == rows
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    small, large = await peak(20_000), await peak(200_000)
    assert large < small * 1.5


async def test_the_event_loop_gets_its_turn_while_a_big_piece_is_read() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"a,b\n" + b"1,2\n" * 500_000

    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    async for _ in csv_chunks(source()):
        await asyncio.sleep(0)
    counting.cancel()
    assert turns > 100


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
tables = st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8))


@given(table=tables, delimiter=st.sampled_from([",", ";", "\t"]), end=st.sampled_from(["\n", "\r\n"]), piece=st.integers(1, 50))
async def test_what_the_csv_module_writes_comes_back(table: list[list[str]], delimiter: str, end: str, piece: int) -> None:
    header = [f"c{n}" for n in range(len(table[0]))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([header, *table])
    assert await read(text.getvalue(), piece) == [dict(zip(header, row, strict=True)) for row in table]


@given(text=st.text(st.sampled_from('a,"\n\r;'), max_size=60), piece=st.integers(1, 20))
async def test_any_text_reads_as_the_csv_module_reads_it_or_is_refused(text: str, piece: int) -> None:
    text = "x,y\n" + text
    try:
        found = await read(text, piece)
    except InvalidFile:
        return
    expected = [row for row in list(csv.reader(io.StringIO(text, newline="")))[1:] if row]
    assert [[row["x"], row["y"]] for row in found] == [[*row, ""][:2] for row in expected]


@given(text=st.text(st.sampled_from('ab,,"\n\n\r'), max_size=60), piece=st.integers(1, 20))
async def test_blocks_have_what_chunks_have_by_row_and_by_column(text: str, piece: int) -> None:
    rows: list[dict[str, str]] = []
    found: list[tuple[int, dict[str, str]]] = []
    said: list[str] = []
    try:
        rows = await read(f"a,b\n{text}", piece)
    except InvalidFile as fault:
        said.append(str(fault))
    try:
        async for names, first, block in csv_blocks(pieces(f"a,b\n{text}".encode(), piece)):
            taken = [dict(zip(names, row, strict=True)) for row in block.rows()]
            assert [list(block.column(backend)) for backend in range(2)] == [[row[name] for row in taken] for name in names]
            assert len(block) == len(taken)
            found += enumerate(taken, first)
    except InvalidFile as fault:
        said.append(str(fault))
    assert not said or (len(said) == 2 and said[0] == said[1])
    assert said or [row for _, row in found] == rows
    assert sorted({number for number, _ in found}) == [number for number, _ in found]


@given(text=st.text(st.sampled_from('a,"\n\r;é'), max_size=80), piece=st.integers(1, 20))
async def test_where_a_file_is_cut_into_pieces_never_matters(text: str, piece: int) -> None:
    async def outcome(size: int) -> object:
        try:
            return await read(text, size)
        except InvalidFile:
            return "refused"

    assert await outcome(piece) == await outcome(10_000)


async def columns(data: bytes | str, piece: int = 7) -> list[str]:
    return await csv_columns(pieces(data.encode() if isinstance(data, str) else data, piece))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2,3,4\n", ["a", "b"]),
        ("a;b", ["a", "b"]),
        ("\n\na\tb\n", ["a", "b"]),
        ("a,a,\n", ["a", "a_2", "column_3"]),
        ("", []),
        ("\n", []),
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
async def test_columns_are_the_header(text: str, names: list[str], piece: int) -> None:
    assert await columns(text, piece) == names


async def test_columns_are_known_without_reading_the_file() -> None:
    taken = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"a,b\n" * 1000

    assert await csv_columns(source()) == ["a", "b"]
    assert taken == 1


async def objects(text: str, piece: int = 7, **options: Any) -> list[dict[str, Any]]:
    return [row async for chunk in json_chunks(pieces(text.encode(), piece), **options) for row in chunk]


@pytest.mark.parametrize("piece", [1, 7, 1000])
async def test_ndjson_reads_as_objects(piece: int) -> None:
    rows = [{"a": 1, "b": "é\u2028\n"}, {"a": None}, {"deep": [{"x": 1.5}]}]
    text = "\ufeff" + "\r\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert await objects(text, piece) == rows


async def test_ndjson_is_chunked_and_skips() -> None:
    text = "".join(f'{{"n":{n}}}\n' for n in range(2_500))
    assert [len(chunk) async for chunk in json_chunks(pieces(text.encode(), 999))] == [1000, 1000, 500]
    assert [row["n"] for row in await objects(text, skip=2_498)] == [2_498, 2_499]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":1}\n\n{"a":\n', "Line 3 is not valid JSON"),
        ('{"a":1}\n[1]\n', "Line 2 is not a JSON object"),
        ('{"a":NaN}\n', "Line 1 is not valid JSON"),
        ("[" * 100_000 + "\n", "Line 1 is not valid JSON"),
        ('{"a":"\\u0000"}\n', "Line 1 has a NUL"),
        ('{"a":"\\ud800"}\n', "Line 1 has half of a character"),
        ("x" * (MAX_ROW + 10), "Line 1 is longer than 8 MB"),
    ],
)
async def test_ndjson_that_cannot_be_read_is_reported_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidFile, match=said):
        await objects(text, 65_536)


async def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert await objects('{"a":"\\\\u0000"}\n') == [{"a": "\\u0000"}]
