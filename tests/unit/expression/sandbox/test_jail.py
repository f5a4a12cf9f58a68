"""What holds a sandboxed child: read from outside, while it waits for work."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.sandbox import jail, syscalls
from cargo_ai.expression.sandbox.host import Language, level, refusal
from tests.kit.sandbox import python, value

SCOPE: dict[str, Any] = {"nodes": {"a": 1}, "parentNodes": {}}
VENDOR = Path(jail.__file__).parents[1] / "vendor"
linux = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")


def _read(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def _status(pid: int) -> dict[str, str]:
    lines = _read(pid, "status").decode().splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _descendants(int(child))


@contextlib.contextmanager
def _looking_inside() -> Generator[None]:
    """Children hide from anyone who may not trace processes; then that is what is asserted."""
    try:
        yield
    except PermissionError as hidden:
        assert hidden.filename.startswith("/proc/")


async def _child(evaluator: Evaluator, language: Language) -> int:
    """The pid of a warm child as this process sees it: the youngest descendant of its zygote."""
    if language == "javascript":
        await value(evaluator, "nodes.a + 1", SCOPE)
        pool = evaluator._javascript  # pyright: ignore[reportPrivateUsage]
    else:
        await python(evaluator, "result = 1", SCOPE)
        pool = evaluator._python  # pyright: ignore[reportPrivateUsage]
    zygote = pool._zygote  # pyright: ignore[reportPrivateUsage]
    assert zygote is not None
    process = zygote._process  # pyright: ignore[reportPrivateUsage]
    try:
        return list(_descendants(process.pid))[-1]
    except OSError as hidden:
        assert process.poll() is None
        pytest.skip(f"/proc does not show here what holds the sandbox, which works: {hidden}")


@linux
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_a_child_is_filtered_and_has_no_privileges(evaluator: Evaluator, language: Language) -> None:
    status = _status(await _child(evaluator, language))
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    if "mnt" in evaluator.left(language):  # what we may not do ourselves we cannot narrow for others
        assert int(status["CapBnd"], 16) == 0
    assert status["Threads"] == "1"


@linux
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_a_child_has_an_account_of_its_own_where_we_may_give_it_one(evaluator: Evaluator, language: Language) -> None:
    uids = _status(await _child(evaluator, language))["Uid"].split()
    assert set(uids) == {uids[0]}
    assert (uids[0] not in ("0", str(os.getuid()))) == (os.getuid() == 0 and jail.may_change_user())


@linux
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_a_child_has_limits_and_nothing_open_but_its_socket(evaluator: Evaluator, language: Language) -> None:
    pid = await _child(evaluator, language)
    limits = {line[:26].strip(): line[26:].split() for line in _read(pid, "limits").decode().splitlines()}
    assert limits["Max core file size"][0] == limits["Max file size"][0] == limits["Max processes"][0] == "0"
    assert int(limits["Max address space"][0]) < 2 << 30
    assert limits["Max cpu time"][0] != "unlimited"
    with _looking_inside():
        open_files = {number: os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
        assert all("null" in open_files.pop(number) for number in ("0", "1", "2"))
        assert len(open_files) == 1 and next(iter(open_files.values())).startswith("socket:")


@linux
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_a_child_has_nothing_of_our_environment(evaluator: Evaluator, language: Language) -> None:
    pid = await _child(evaluator, language)
    with _looking_inside():
        environment = _read(pid, "environ")
        assert b"CARGO" not in environment and b"HOME=" not in environment
        assert environment.count(b"=") <= 3  # TZ, PATH, and what Python adds


@linux
@pytest.mark.asyncio(loop_scope="module")
async def test_a_child_has_namespaces_of_its_own_where_they_can_be_made(evaluator: Evaluator) -> None:
    pid = await _child(evaluator, "javascript")
    left = evaluator.left("javascript")
    with _looking_inside():
        for name in set(left) - {"root"}:
            assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        if "root" in left:
            assert os.listdir(f"/proc/{pid}/root/") == []


@linux
def test_the_filter_holds_without_any_namespace() -> None:
    """As in a plain container: another process filters itself and finds all doors shut."""
    probe = """
import os, socket, sys
from cargo_ai.expression.sandbox import jail, syscalls
jail.filter_calls(syscalls.PYTHON)
def refused(call, *arguments):
    try: call(*arguments)
    except PermissionError: return True
    return False
doors = [
    refused(os.open, "/etc/passwd", os.O_RDONLY), refused(os.kill, os.getppid(), 0), refused(os.fork), refused(os.mkdir, "/tmp/no"),
    refused(os.execv, "/bin/sh", ["sh"]), refused(socket.socket, socket.AF_INET), refused(os.setuid, 1), refused(os.listdir, "/"),
]
os.write(1, repr(doors).encode())
os._exit(0)
"""
    if level() != "full":
        assert refusal("python") is not None
        return
    path = os.pathsep.join(entry for entry in sys.path if entry)
    reported = subprocess.run([sys.executable, "-c", probe], env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60)
    assert reported.stdout == repr([True] * 8), reported.stderr


@linux
def test_memory_can_never_be_written_and_run() -> None:
    probe = """
import ctypes, mmap, os
from cargo_ai.expression.sandbox import jail, syscalls
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
jail.filter_calls(syscalls.JAVASCRIPT)
plain = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
runs = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0))
turned = libc.mprotect(ctypes.c_void_p(plain), ctypes.c_size_t(4096), 5)
os.write(1, repr([plain not in (None, 2**64 - 1), runs in (None, 2**64 - 1), turned]).encode())
os._exit(0)
"""
    if level() != "full":
        assert refusal("python") is not None
        return
    path = os.pathsep.join(entry for entry in sys.path if entry)
    reported = subprocess.run([sys.executable, "-c", probe], env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60)
    assert reported.stdout == repr([True, True, -1]), reported.stderr


# ---- the filter's program, for machines that these tests do not run on too ----


def _decide(machine: str, allowed: frozenset[str], number: int, architecture: int | None = None, argument: int = 0) -> int:
    """What the kernel would answer: the program interpreted."""
    program = jail._program(machine, allowed)  # pyright: ignore[reportPrivateUsage]
    lines = [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]
    data = struct.pack("<IIQ6Q", number, syscalls.ARCHITECTURES[machine] if architecture is None else architecture, 0, *([argument] * 6))
    accumulator, at = 0, 0
    while True:
        code, true, false, operand = lines[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: accumulator == operand, 0x45: bool(accumulator & operand), 0x35: accumulator >= operand}[code]
            at += true if holds else false


KILL, ALLOW, REFUSE = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("allowed", [syscalls.JAVASCRIPT, syscalls.PYTHON])
def test_the_filter_lets_through_what_is_listed_and_nothing_else(machine: str, allowed: frozenset[str]) -> None:
    numbers = syscalls.NUMBERS[machine]
    listed = {numbers[name] for name in allowed & numbers.keys()}
    for number in range(600):
        expected = ALLOW if number in listed and number != numbers["ioctl"] else REFUSE
        assert _decide(machine, allowed, number) == expected, number
    if "ioctl" in allowed:
        assert _decide(machine, allowed, numbers["ioctl"], argument=0x5421) == ALLOW
    assert _decide(machine, allowed, numbers["mmap"], argument=4) == REFUSE
    assert _decide(machine, allowed, numbers["mprotect"], argument=7) == REFUSE
    assert _decide(machine, allowed, numbers["read"], architecture=0x40000003) == KILL


def test_the_other_convention_of_x86_is_no_way_round() -> None:
    assert _decide("x86_64", syscalls.PYTHON, 0x40000000 | 1) == KILL


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_a_filter_must_never_allow_has_no_number_in_the_tables(machine: str) -> None:
    never = "open openat openat2 socket connect clone clone3 fork vfork execve execveat kill tkill tgkill ptrace mount unshare setns bpf"
    dangerous = set(f"{never} prctl seccomp memfd_create process_vm_readv io_uring_setup keyctl setuid prlimit64 dup fcntl".split())
    assert not dangerous & syscalls.NUMBERS[machine].keys()
    assert not {"pivot_root", "capset", "setitimer"} & syscalls.PYTHON
    assert not {"pivot_root", "capset", "ioctl"} & syscalls.JAVASCRIPT


# ---- where it cannot be set up ----


def test_without_seccomp_code_is_refused_with_a_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "can_filter", lambda: False)
    monkeypatch.setattr(jail, "IS_LINUX", True)
    level.cache_clear()
    try:
        assert level() == "none"
        for language in ("javascript", "python"):
            sentence = refusal(language)
            assert sentence is not None and "seccomp" in sentence
    finally:
        level.cache_clear()


ASK = """
import asyncio, sys
from cargo_ai.expression import EngineExpression
from cargo_ai.expression.evaluator import Evaluator
async def main():
    evaluator, question = Evaluator(), EngineExpression("6 * 7")
    answer = (await evaluator.ask("w", {"nodes": {}, "parentNodes": {}}, [question]))[question]
    outcome = await evaluator.python("w", "result = 6 * 7", {"nodes": {}, "parentNodes": {}})
    print(answer.error.message if answer.error else answer.value, outcome.error or outcome.value, sep="\\n")
    await evaluator.close()
asyncio.run(main())
"""


@linux
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("unshare=EPERM", None),
        ("seccomp=EPERM", "give it a seccomp profile that allows prctl and seccomp"),
        ("seccomp=EINVAL", "run the server on a Linux kernel with CONFIG_SECCOMP_FILTER"),
        (
            "setgroups=EPERM",
            "run the server as an ordinary user, or let it become another one" if os.getuid() == 0 and jail.may_change_user() else None,
        ),
    ],
)
def test_what_the_kernel_refuses_is_said_with_what_would_allow_it(refused: str, said: str | None) -> None:
    """Nothing runs unlocked: either both languages run in the filter, or both answers say what to change."""
    if level() != "full":
        pytest.skip(f"refused here, as it must be: {refusal('python')}")
    command = [sys.executable, "-m", "tests.kit.processes.refusing", refused, sys.executable, "-c", ASK]
    asked = subprocess.run(command, cwd=Path(__file__).parents[4], capture_output=True, text=True, timeout=120, check=True)
    answers = [line for line in asked.stdout.splitlines() if "sandbox ready" not in line]
    assert len(answers) == 2, asked.stderr
    assert all(said in line and "on this server" in line for line in answers) if said else answers == ["42", "42"]


def test_on_macos_javascript_runs_and_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "IS_LINUX", False)
    monkeypatch.setattr(sys, "platform", "darwin")
    level.cache_clear()
    try:
        assert level() == "partial"
        assert refusal("javascript") is None
        assert refusal("python") == "Python code is only run on Linux, where it can be locked in"
    finally:
        level.cache_clear()


async def test_a_refusal_is_the_answer_and_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "can_filter", lambda: False)
    monkeypatch.setattr(jail, "IS_LINUX", True)
    level.cache_clear()
    evaluator = Evaluator()
    try:
        from cargo_ai.expression import EngineExpression

        question = EngineExpression("1 + 1")
        answer = (await evaluator.ask("w", {}, [question]))[question]
        assert answer.error is not None
        assert answer.error.message.startswith("The expression {{1 + 1}} needs the JavaScript engine, which cannot run on this server:")
        assert question in await evaluator.check("w", [question])
        for outcome in (await evaluator.script("w", "1", {}), await evaluator.python("w", "result = 1", {})):
            assert outcome.error is not None and outcome.error.startswith("Scripts cannot run on this server: ")
        assert evaluator._javascript._zygote is None and evaluator._python._zygote is None  # pyright: ignore[reportPrivateUsage]
    finally:
        await evaluator.close()
        level.cache_clear()


def test_the_vendored_libraries_are_unmodified() -> None:
    lines = (line.split() for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}
    assert {"lodash.LICENSE", "date-fns.LICENSE"} <= {path.name for path in VENDOR.iterdir()}
