"""Python nodes: what honest scripts do works, what hostile ones try does not."""

from __future__ import annotations

import asyncio
import json
import platform
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.expression.evaluator import Evaluator
from tests.kit.sandbox import python

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = json.loads((Path(__file__).parent / "snippets.json").read_text("utf-8"))
ATTACKS: dict[str, str] = json.loads((Path(__file__).parent / "python_attacks.json").read_text("utf-8"))
SCOPE: dict[str, Any] = {"nodes": TABLE["nodes"], "parentNodes": {"up": 1}}


@pytest.mark.parametrize("row", TABLE["rows"], ids=[row[0] for row in TABLE["rows"]])
async def test_what_people_write_works(evaluator: Evaluator, row: list[Any]) -> None:
    _, source, expected = row
    outcome = await python(evaluator, source, SCOPE)
    assert outcome.error is None, outcome.error
    assert outcome.value == expected


MODULES = """
    json re datetime math statistics random hashlib urllib.parse base64 itertools collections functools string uuid time decimal fractions
    html csv textwrap unicodedata difflib zoneinfo calendar operator copy enum dataclasses typing io hmac secrets bisect heapq ipaddress
    xml.etree.ElementTree pprint email.utils contextlib abc types numbers struct zlib asyncio inspect collections.abc binascii html.parser
""".split()  # noqa: SIM905 - a table of names


async def test_the_pure_modules_of_the_standard_library_can_be_imported(evaluator: Evaluator) -> None:
    outcome = await python(evaluator, "\n".join(f"import {name}" for name in MODULES) + "\nresult = 'all'", SCOPE)
    assert (outcome.value, outcome.error) == ("all", None)


@pytest.mark.parametrize(
    "name", ["sqlite3", "ctypes", "subprocess", "_ctypes", "multiprocessing", "numpy", "cargo_ai", "mmap", "urllib.request"]
)
async def test_a_module_that_reaches_out_cannot_be_imported(evaluator: Evaluator, name: str) -> None:
    outcome = await python(evaluator, f"import {name}\nresult = 1", SCOPE)
    assert outcome.error is not None and "Error" in outcome.error


REFUSED = {
    "fork bomb": "PermissionError",
    "thread bomb": "can't start new thread",
    "subprocess": "ModuleNotFoundError",
    "file read /etc/passwd": "PermissionError",
    "file read /proc/self/environ": "PermissionError",
    "file write": "PermissionError",
    "list dir": "PermissionError",
    "network tcp": "Error",
    "network udp/dns": "gaierror",
    "unix socket": "PermissionError",
    "ctypes syscall": "ModuleNotFoundError",
    "ctypes segfault": "ModuleNotFoundError",
    "kill parent": "PermissionError",
    "ptrace/proc mem": "PermissionError",
    "memory list": "used more than 128 MB of memory and was stopped (line 2). Keep less in it at once",
    "memory str*10**10": "used more than 128 MB of memory and was stopped (line 1). Keep less in it at once",
    "deep recursion": "RecursionError",
    "sys.exit": "SystemExit: 3",
    "bad result type": "TypeError: result holds a object, which JSON has no form for",
    "circular result": "contains itself",
    "exception": "KeyError: 'nope' (line 2)",
    "syntax error": "SyntaxError: invalid syntax (line 1)",
    "deep nested literal": "Error",
}
HARMLESS = {
    "__import__ os": True,
    "env vars": ["TZ"],
    "nan result": None,
    "no result": None,
    "mro -> system": None,
    "mro escape": None,
    "frame escape": None,
}
LIMITED = [name for name in ATTACKS if name not in REFUSED and name not in HARMLESS]


@pytest.mark.parametrize(("name", "sentence"), REFUSED.items(), ids=REFUSED.keys())
async def test_what_is_refused_says_so(evaluator: Evaluator, name: str, sentence: str) -> None:
    outcome = await python(evaluator, ATTACKS[name], SCOPE)
    assert outcome.value is None
    assert outcome.error is not None and sentence in outcome.error


@pytest.mark.parametrize(("name", "expected"), HARMLESS.items(), ids=HARMLESS.keys())
async def test_what_looks_like_a_way_out_leads_nowhere(evaluator: Evaluator, name: str, expected: object) -> None:
    outcome = await python(evaluator, ATTACKS[name], SCOPE)
    if expected is not None:
        assert outcome.value == expected
    if name == "mro -> system":
        assert outcome.value in (None, 32512, -1)  # system() found no process to start
    if name == "frame escape":
        assert "control" not in str(outcome.value)


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.slow
async def test_what_takes_too_much_is_stopped_and_others_go_on(evaluator: Evaluator, name: str) -> None:
    started = asyncio.create_task(python(evaluator, ATTACKS[name], SCOPE))
    other = await python(evaluator, "result = 1", SCOPE, workspace="another")
    outcome = await started
    assert other.value == 1
    assert outcome.value is None or name == "gc crash / del builtins"
    if name != "gc crash / del builtins":
        assert outcome.error is not None
    assert (await python(evaluator, "result = 2", SCOPE)).value == 2


PROBES = {
    "prctl": "import os\nos.sched_setaffinity(0, [0])",
    "exec": "import os\nos.execv('/bin/sh', ['sh'])",
    "setuid": "import os\nos.setuid(0)",
    "memfd": "import os\nos.memfd_create('x')",
    "nice": "import os\nos.nice(-5)",
    "rlimit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
    "signal another": "import os\nos.kill(1, 9)",
    "signal itself's group": "import os\nos.killpg(0, 9)",
    "chdir": "import os\nos.chdir('/')",
    "mkdir": "import os\nos.mkdir('/tmp/x')",
    "pipe to a process": "import os\nos.popen('id').read()",
    "posix_spawn": "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
    "dup": "import os\nos.dup(3)",
    "inet socket": "import socket\nsocket.socket(socket.AF_INET)",
    "netlink": "import socket\nsocket.socket(16, socket.SOCK_RAW)",
}


@pytest.mark.parametrize("source", PROBES.values(), ids=PROBES.keys())
async def test_no_system_call_reaches_out(evaluator: Evaluator, source: str) -> None:
    outcome = await python(evaluator, f"{source}\nresult = 'did it'", SCOPE)
    assert outcome.value is None and outcome.error is not None


async def test_an_answer_written_to_the_socket_by_the_script_is_no_valid_one(evaluator: Evaluator) -> None:
    everywhere = "import os, struct\nfor fd in range(3, 16):\n    try: os.write(fd, {})\n    except OSError: pass\nresult = 1"
    outcome = await python(evaluator, everywhere.format("struct.pack('<I', 9) + b'not json!'"), SCOPE)
    assert outcome.error == "The script's process sent no valid result."
    assert (await python(evaluator, everywhere.format("struct.pack('<I', 2**31)"), SCOPE)).error is not None
    assert (await python(evaluator, "result = 1", SCOPE)).value == 1


async def test_a_child_that_speaks_unasked_is_not_asked_again(evaluator: Evaluator) -> None:
    source = (
        "import os, struct\n"
        "if nodes.get('forge'):\n"
        '    body = b\'{"v": "forged"}\'\n'
        "    for fd in range(3, 16):\n"
        "        try: os.write(fd, (struct.pack('<I', len(body)) + body) * 2)\n"
        "        except OSError: pass\n"
        "result = 'mine'"
    )
    await python(evaluator, source, {"nodes": {"forge": True}})
    assert (await python(evaluator, source, {"nodes": {}})).value == "mine"


async def test_workspaces_and_scripts_share_no_process(evaluator: Evaluator) -> None:
    source = "import os, json\njson.leak = getattr(json, 'leak', 0) + 1\nresult = json.leak"
    assert (await python(evaluator, source, SCOPE)).value == 1
    assert (await python(evaluator, source, SCOPE)).value == 2  # the same script of the same workspace is kept warm
    assert (await python(evaluator, source, SCOPE, workspace="another")).value == 1
    assert (await python(evaluator, source + "\n", SCOPE)).value == 1


async def test_what_is_printed_is_kept_up_to_a_size(evaluator: Evaluator) -> None:
    outcome = await python(evaluator, "print('x' * 100000)\nimport sys\nprint('err', file=sys.stderr)\nresult = 1", SCOPE)
    assert outcome.value == 1 and len(outcome.log) == 64 * 1024


async def test_the_names_of_other_nodes_are_there(evaluator: Evaluator) -> None:
    outcome = await python(evaluator, "result = [sorted(nodes), parentNodes]", SCOPE)
    assert outcome.value == [["start"], {"up": 1}]


async def test_neither_the_hosts_name_nor_its_programs_are_shown(evaluator: Evaluator) -> None:
    source = "import sys, posix\nresult = [sys.executable, posix.uname().nodename]"
    outcome = await python(evaluator, source, SCOPE)
    # Where no namespace can be made for it, the host's name stays visible.
    assert outcome.value == ["", "sandbox" if "uts" in evaluator.left("python") else platform.node()], outcome.error
