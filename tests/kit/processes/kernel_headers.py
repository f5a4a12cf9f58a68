"""The numbers of system calls as the kernel's headers have them, of this machine or another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    # ARM64 has the numbers that are the same on all newer machines: any machine's headers have that list.
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def system_calls(machine: str) -> dict[str, int]:
    """Every system call of the machine by name; the test is skipped where the headers are not installed."""
    header = next((path for path in map(Path, _HEADERS[machine]) if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    defined = dict(re.findall(r"^#define (__NR\w+) (\w+)", header.read_text(), re.MULTILINE))
    calls = {name.removeprefix("__NR_"): defined.get(number, number) for name, number in defined.items() if name.startswith("__NR_")}
    return {name: int(number) for name, number in calls.items() if number.isdecimal()}
