"""Parquet process: read and write Parquet. Only this process loads pyarrow, so that the server neither grows by it nor crashes with it.

`shape <file>` prints columns and count as JSON; `rows <file> <bytes> <rows> [<column> ...]` prints the rows as CSV, if they are no more
than that (0: no limit); `clear <file>` prints the file with the cells of some rows left empty, as the JSON document on stdin says:
`{"column": <name>, "values": [...], "clear": [<column>, ...]}`; `write` turns rows on stdin into a file on stdout, as
the JSON document in stdin's first line says: `{"form": "csv"|"lines", "columns": [...], "types": {...}}`. JSON lines follow as they are,
CSV in pieces of whole rows, each after a line with its length in bytes.
What is wrong with a file is one sentence on stderr and exit code 3.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from itertools import islice
from typing import IO, Any

# pyarrow has no types of its own.
pa: Any = import_module("pyarrow")
pc: Any = import_module("pyarrow.compute")
pacsv: Any = import_module("pyarrow.csv")
pq: Any = import_module("pyarrow.parquet")

MAX_DATA = 2 * 1024**3
"""Bytes of memory, so that a file made to explode ends this process and nothing else."""
READ_ROWS = 8_192
GROUP_ROWS = 65_536
GROUP_BYTES = 24 * 1024**2
DICTIONARY_BYTES = 128 * 1024
"""A column of more different values than fit into this is written without a dictionary: sooner than by default, for nearly half the time
and smaller files where values hardly repeat."""
EXACT = 2**53
_SAMPLE = 4_096

_ARROW_TYPES = {
    "string": pa.string(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.timestamp("us", tz="UTC"),
    "whole": pa.int64(),
}
"""Columns of other types are JSON text."""


class UnusableFile(ValueError):
    """The file cannot be used; the message says why."""


def open_file(path: str) -> Any:
    """The file. UnusableFile when it is not Parquet."""
    try:
        return pq.ParquetFile(path, buffer_size=1024**2, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnusableFile("The file cannot be read as Parquet: it is damaged, encrypted or of another kind.") from error


def column_type(kind: Any) -> str:
    """The column type that values of an Arrow type make."""
    if pa.types.is_dictionary(kind):
        return column_type(kind.value_type)
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "date"
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return "object"
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return "array" if nested else "string"


def print_shape(path: str, out: IO[bytes]) -> None:
    """`{"columns": [[name, type]], "count"}`. Whole numbers beyond what a number keeps exactly are text: they are ids."""
    file = open_file(path)
    columns = [[field.name, "string" if _exceeds_exact_numbers(file, field) else column_type(field.type)] for field in file.schema_arrow]
    out.write(json.dumps({"columns": columns, "count": file.metadata.num_rows}).encode())


def _exceeds_exact_numbers(file: Any, field: Any) -> bool:
    if not pa.types.is_integer(field.type) or field.type.bit_width < 64:
        return False
    for batch in file.iter_batches(READ_ROWS, columns=[field.name]):
        limits = pc.min_max(batch.column(0)).as_py()
        if limits["max"] is not None and max(limits["max"], -limits["min"]) > EXACT:
            return True
    return False


def print_rows(path: str, out: IO[bytes], most_bytes: int, most_rows: int, columns: Sequence[str] = ()) -> None:
    """All rows as CSV with a header, a row group after the other; null and '' are both empty. `columns`: those to print, else all.
    UnusableFile beyond the limits: a file can be packed ten thousand times smaller than what it holds."""
    file = open_file(path)
    if most_rows and file.metadata.num_rows > most_rows:
        raise UnusableFile(f"The file has {file.metadata.num_rows:,} rows; a workspace may keep {most_rows:,} (CARGO_AI_MAX_RECORDS).")
    names = list(columns) or [field.name for field in file.schema_arrow]
    sink = _CountingPipe(out)
    schema = pa.schema([pa.field(str(place), pa.string()) for place in range(len(names))])
    sink.write((",".join('"' + name.replace('"', '""') + '"' for name in names) + "\n").encode())
    with pacsv.CSVWriter(sink, schema, write_options=pacsv.WriteOptions(include_header=False)) as writer:
        for batch in file.iter_batches(READ_ROWS, columns=list(columns) or None):
            # By place where all are printed: names may occur twice.
            cells = [batch.column(name) for name in names] if columns else batch.columns
            texts = [_to_texts(column, name) for column, name in zip(cells, names, strict=True)]
            writer.write_batch(pa.record_batch(texts, schema=schema))
            if most_bytes and sink.size > most_bytes:
                sentence = (
                    f"Unpacked, the file holds more than the {most_bytes:,} bytes of text that are read (CARGO_AI_MAX_UNPACKED_BYTES)."
                )
                raise UnusableFile(f"{sentence} Divide it, or leave columns out.")


def _to_texts(column: Any, name: str) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _to_texts(column.dictionary_decode(), name)
    if column_type(kind) in {"object", "array"}:
        return pa.array([None if one is None else _to_json(one, kind) for one in column.to_pylist()], pa.string())
    try:
        if pa.types.is_timestamp(kind):
            # What has no zone is taken as UTC, as everywhere.
            return column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us", "UTC")).cast(pa.string())
        if pa.types.is_date64(kind):
            return column.cast(pa.date32()).cast(pa.string())
        return column.cast(pa.string())
    except pa.ArrowException:
        raise UnusableFile(f"The column {name} holds {kind}, which cannot be read as text.") from None


def _to_json(value: Any, kind: Any) -> str:
    try:
        shown = dict(value) if pa.types.is_map(kind) else value
        return json.dumps(shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_default)
    except (ValueError, TypeError):
        raise UnusableFile("A nested column holds something that JSON has no form for, as NaN or raw bytes.") from None


def _json_default(value: object) -> object:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError


class _CountingPipe:
    """A pipe as a file that knows its position, which Arrow's writers need."""

    closed = False

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.size = out, 0

    def write(self, data: Any) -> int:
        """Send the bytes on."""
        self._out.write(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def flush(self) -> None:
        """Send what is buffered."""
        self._out.flush()

    def close(self) -> None:
        """Flush only: the pipe stays open."""
        self._out.flush()


def write(source: IO[bytes], out: IO[bytes]) -> None:
    """Rows on `given` as a Parquet file on `out`, by row groups."""
    header = json.loads(source.readline())
    columns: list[str] | None = header["columns"]
    types: dict[str, str] | None = header["types"]
    if header["form"] == "csv":
        assert columns is not None and types is not None
        _write_row_groups(_schema(columns, types), _csv_batches(source, columns, types), out)
    else:
        with tempfile.TemporaryFile() as lines:
            types_of_columns = _ColumnTypes(columns, types)
            for line in source:
                types_of_columns.see(json.loads(line))
                lines.write(line)
            lines.seek(0)
            names, kinds = list(types_of_columns.types), types_of_columns.types
            schema = _schema(names, kinds)
            _write_row_groups(schema, _line_batches(lines, names, kinds, schema), out)


def _schema(columns: list[str], types: dict[str, str]) -> Any:
    return pa.schema([pa.field(name, _ARROW_TYPES.get(types[name], pa.string())) for name in columns])


def _csv_batches(given: IO[bytes], columns: list[str], types: dict[str, str]) -> Iterator[Any]:
    names = [str(place) for place in range(len(columns))]
    kinds = {name: _ARROW_TYPES.get(types[column], pa.string()) for name, column in zip(names, columns, strict=True)}
    parsing = pacsv.ParseOptions(newlines_in_values=True)
    converting = pacsv.ConvertOptions(
        column_types=kinds,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t", "true"],
        false_values=["f", "false"],
    )
    while size := given.readline():
        piece = given.read(int(size))
        # In one block, so that no row can be longer than one; the server and the database need the other cores.
        reading = pacsv.ReadOptions(column_names=names, block_size=len(piece), use_threads=False)
        found = pacsv.read_csv(pa.BufferReader(piece), read_options=reading, parse_options=parsing, convert_options=converting)
        yield from found.rename_columns(columns).to_batches()


class _ColumnTypes:
    """The columns of rows and their types: the given ones, or those found in the values."""

    def __init__(self, columns: list[str] | None, types: dict[str, str] | None) -> None:
        self._given = types is not None
        self.types: dict[str, str] = {name: (types or {}).get(name, "") for name in columns or ()}

    def see(self, row: Mapping[str, object]) -> None:
        """Look at a row."""
        if self._given:
            return
        for name, value in row.items():
            kind = "" if value is None else _TYPE_OF_CLASS.get(value.__class__, "json")
            if isinstance(value, int) and kind == "whole" and not -(2**63) <= value < 2**63:
                kind = "number"
            known = self.types.get(name, "")
            if known and kind and {known, kind} == {"whole", "number"}:
                self.types[name] = "number"
            else:
                self.types[name] = known if not kind or known == kind else kind if not known else "json"


_TYPE_OF_CLASS: dict[type[object], str] = {str: "string", bool: "boolean", int: "whole", float: "number"}


def _line_batches(kept: Iterable[bytes], names: list[str], kinds: dict[str, str], schema: Any) -> Iterator[Any]:
    lines = iter(kept)
    while some := [json.loads(line) for line in islice(lines, READ_ROWS)]:
        columns = [[_CELLS.get(kinds[name], _text)(row.get(name)) for row in some] for name in names]
        yield pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)


def _identity(value: Any) -> Any:
    return value


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _timestamp(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_CELLS: dict[str, Callable[[Any], Any]] = {
    "string": _identity,
    "": _identity,
    "boolean": _identity,
    "whole": _identity,
    "number": _number,
    "date": _timestamp,
}


def _write_row_groups(schema: Any, batches: Iterable[Any], out: IO[bytes]) -> None:
    """Write batches in row groups of a bounded size."""
    sink = pa.PythonFile(_CountingPipe(out), mode="w")
    with pq.ParquetWriter(sink, schema, compression="snappy", dictionary_pagesize_limit=DICTIONARY_BYTES) as writer:
        ready: list[Any] = []
        count = size = 0
        for batch in batches:
            ready.append(batch)
            count, size = count + batch.num_rows, size + batch.nbytes
            if count >= GROUP_ROWS or size >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(ready, schema))
                ready, count, size = [], 0, 0
        if ready:
            writer.write_table(pa.Table.from_batches(ready, schema))


def clear(path: str, source: IO[bytes], out: IO[bytes]) -> None:
    """The file, but in rows that have one of the values in the column, those to be cleared are null."""
    wanted, file = json.loads(source.read()), open_file(path)
    values = pa.array(wanted["values"], pa.string())

    def batches() -> Iterator[Any]:
        for batch in file.iter_batches(READ_ROWS):
            stays = pc.invert(pc.is_in(batch.column(wanted["column"]), value_set=values))
            yield pa.record_batch(
                [
                    pc.if_else(stays, column, pa.scalar(None, column.type)) if name in wanted["clear"] else column
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                ],
                schema=file.schema_arrow,
            )

    _write_row_groups(file.schema_arrow, batches(), out)


def main(words: list[str]) -> int:
    """0; 3 when the file is wrong, which stderr says."""
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA, MAX_DATA))
    pa.set_cpu_count(2)
    out = sys.stdout.buffer
    try:
        if words[0] == "write":
            write(sys.stdin.buffer, out)
        elif words[0] == "clear":
            clear(words[1], sys.stdin.buffer, out)
        elif words[0] == "rows":
            print_rows(words[1], out, int(words[2]), int(words[3]), words[4:])
        else:
            print_shape(words[1], out)
        out.flush()
    except UnusableFile as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - what the parent reads
        return 3
    except BrokenPipeError:
        # The reader is gone: the download was abandoned.
        sys.stderr.close()
        return 1
    except (pa.ArrowException, OSError, MemoryError) as error:
        print(f"The Parquet file cannot be handled: {str(error).splitlines()[0][:200]}", file=sys.stderr)  # noqa: T201
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
