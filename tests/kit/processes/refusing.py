"""Run a program where the kernel refuses some system calls, as in a container or on a kernel without them.

`python -m tests.kit.processes.refusing seccomp=EPERM,unshare=EPERM PROGRAM ARGUMENTS…`. `seccomp` refuses filters by prctl, too.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

CALLS = {
    "x86_64": {"seccomp": 317, "prctl": 157, "unshare": 272, "setgroups": 116},
    "aarch64": {"seccomp": 277, "prctl": 167, "unshare": 97, "setgroups": 159},
}
_LOAD, _EQUAL, _GIVE = 0x20, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_SET_SECCOMP, _NO_NEW_PRIVS, _FILTER = 22, 38, 2


def refuse(refused: dict[str, int]) -> None:
    """Have these system calls answered by these error numbers, in this process and all that it starts, for good."""
    numbers = CALLS[platform.machine()]
    lines: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, 0)]
    for name, number in refused.items():
        lines += [(_EQUAL, 0, 1, numbers[name]), (_GIVE, 0, 0, _ERROR | number)]
    if "seccomp" in refused:
        lines += [
            (_EQUAL, 0, 3, numbers["prctl"]),
            (_LOAD, 0, 0, 16),
            (_EQUAL, 0, 1, _SET_SECCOMP),
            (_GIVE, 0, 0, _ERROR | refused["seccomp"]),
        ]
    lines.append((_GIVE, 0, 0, _ALLOW))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    described = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVS, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, described, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "calls could not be refused")


def main() -> None:
    """Entry: refuse what the first argument says, and become the program behind it."""
    refuse({name: getattr(errno, number) for name, _, number in (part.partition("=") for part in sys.argv[1].split(","))})
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
