"""Python in a child: run a script with `nodes` and `parentNodes`, and return its `result` as JSON.

A message is `{"code": text}` (its length before it) and two JSON texts after it; what goes back is `{"v": value}`, `{"u": 1}` without a
`result`, or `{"e": {name, message, line}}`, each with `"log"`: what it printed. A child serves one script of one workspace.
"""

from __future__ import annotations

import builtins
import contextlib
import datetime
import decimal
import importlib
import io
import json
import math
import random
import struct
import sys
import traceback
from types import CodeType, ModuleType, TracebackType
from typing import Any, cast

from cargo_ai.expression.sandbox import syscalls
from cargo_ai.expression.sandbox.frames import Channel

CALLS = syscalls.PYTHON
MAX_RESULT_BYTES = 8 * 1024 * 1024
MAX_LOG_BYTES = 64 * 1024
_MAX_DEPTH = 200
_NAME = "script.py"

MODULES = """
    __future__ _strptime abc array ast asyncio base64 binascii bisect calendar cmath codecs collections collections.abc colorsys
    concurrent.futures configparser contextlib contextvars copy csv dataclasses datetime decimal difflib email.message email.parser
    email.policy email.utils encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.punycode encodings.utf_16
    encodings.utf_32 enum errno fnmatch fractions functools getpass glob graphlib gzip hashlib heapq hmac html html.entities html.parser
    http inspect io ipaddress itertools json keyword linecache locale logging math mimetypes numbers operator os pathlib pickle pkgutil
    platform pprint queue quopri random re reprlib sched secrets shlex signal statistics string stringprep struct sys tempfile textwrap
    threading time timeit token tokenize tomllib traceback types typing unicodedata urllib.error urllib.parse uuid warnings weakref
    xml.dom.minidom xml.etree.ElementTree zipfile zlib zoneinfo
""".split()  # noqa: SIM905 - a table of names
"""What scripts can import: loaded before the file system goes away."""

_kept: list[Any] = []


def prepare() -> None:
    """Load the modules and the time zones, which children inherit."""
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import zoneinfo

    # The cache of ZoneInfo is weak: what is kept here stays readable without files.
    for name in sorted(zoneinfo.available_timezones()):
        with contextlib.suppress(Exception):  # a file that is not a zone
            _kept.append(zoneinfo.ZoneInfo(name))


def serve(channel: Channel) -> None:
    """Run the script of each message until the other side closes."""
    for name in [name for name in sys.modules if name.split(".")[0] == "cargo_ai" or name == "__main__"]:
        del sys.modules[name]
    sys.argv[:] = [_NAME]
    sys.executable = ""  # where the host keeps its programs is no business of a script
    random.seed()
    code: dict[str, CodeType | str] = {}
    while True:
        message = channel.receive()
        (length,) = struct.unpack_from("<I", message)
        header = json.loads(message[4 : 4 + length])
        first, second = header["lengths"]
        texts = message[4 + length : 4 + length + first], message[4 + length + first : 4 + length + first + second]
        channel.add(_run(header["code"], texts, code).encode())
        channel.flush()


class _Log(io.StringIO):
    """What a script prints, cut at a size."""

    def write(self, text: str, /) -> int:
        room = MAX_LOG_BYTES - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


def _run(source: str, texts: tuple[bytes, bytes], code: dict[str, CodeType | str]) -> str:
    log = _Log()
    before = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = log
    try:
        result = _outcome(source, texts, code)
    except BaseException as error:  # whatever a script raises is its result
        result = json.dumps({"e": _to_error(error)})
    finally:
        sys.stdout, sys.stderr = before
    printed = log.getvalue()
    return result[:-1] + ',"log":' + json.dumps(printed) + "}" if printed else result


def _outcome(source: str, texts: tuple[bytes, bytes], code: dict[str, CodeType | str]) -> str:
    compiled = code.get(source)
    if compiled is None:
        compiled = code[source] = compile(source, _NAME, "exec")
    nodes, parents = json.loads(texts[0]), json.loads(texts[1])
    module = sys.modules["__main__"] = ModuleType("__main__")  # some of the standard library looks up where a class is from
    scope: dict[str, Any] = module.__dict__
    scope.update({"__builtins__": builtins, "nodes": nodes, "parentNodes": parents})
    exec(compiled, scope)  # nosec B102  # noqa: S102 - what this process is locked in for
    if "result" not in scope:
        return '{"u":1}'
    text = json.dumps({"v": to_json(scope["result"])})
    if len(text) > MAX_RESULT_BYTES:
        raise ValueError(f"result has {len(text):,} bytes as JSON; the limit is {MAX_RESULT_BYTES:,}")
    return text


def to_json(value: object, depth: int = 0) -> object:
    """The value as JSON has it: dates as ISO text, sets and iterators as lists, decimals as numbers, NaN as null."""
    if depth > _MAX_DEPTH:
        raise ValueError("result is nested too deeply or contains itself")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | decimal.Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value).items()
        return {key if isinstance(key, str) else str(key): to_json(held, depth + 1) for key, held in entries}
    if hasattr(value, "__iter__") and not isinstance(value, bytes | bytearray | type):
        return [to_json(item, depth + 1) for item in cast("list[object]", value)]
    raise TypeError(f"result holds a {type(value).__name__}, which JSON has no form for")


def _to_error(error: BaseException) -> dict[str, Any]:
    line = error.lineno if isinstance(error, SyntaxError) else _line(error.__traceback__)
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)[:500]
    except BaseException:
        message = "an error that cannot be shown"
    return {"name": type(error).__name__, "message": message, "line": line}


def _line(trace: TracebackType | None) -> int | None:
    """The line of the script in which the error arose."""
    lines = [number for frame, number in traceback.walk_tb(trace) if frame.f_code.co_filename == _NAME]
    return lines[-1] if lines else None
