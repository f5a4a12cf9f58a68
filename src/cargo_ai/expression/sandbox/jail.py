"""The jail: give up, for good, what a Linux process could do to others. Standard library only; seccomp through ctypes.

What holds in every case is seccomp (an allowlist of system calls) and resource limits. Namespaces, an empty root and an account of its
own are added where the system lets them be made; nothing depends on them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import sys
import tempfile

from cargo_ai.expression.sandbox.syscalls import ARCHITECTURES, NUMBERS

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _CAPBSET_DROP, _NO_NEW_PRIVS, _CAP_AMBIENT = 1, 4, 22, 24, 38, 47
_SECCOMP_FILTER = 2
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_REC, _PRIVATE, _NOSUID, _NODEV, _NOEXEC, _RDONLY, _REMOUNT = 16384, 1 << 18, 2, 4, 8, 1, 32
_DETACH = 2
_NOBODY = 65534
_FIONBIO = 0x5421
_PROT_EXEC = 4
_CAPABILITY_VERSION = 0x20080522
_MAY_CHANGE_USER = 1 << 6 | 1 << 7  # CAP_SETGID, CAP_SETUID
_UNKNOWN_ADDRESS_SPACE = 1 << 29

OsUser = tuple[int, int]
IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)


def can_filter() -> bool:
    """Whether this kernel filters system calls and this machine's numbers are known. Asks without changing anything."""
    return IS_LINUX and platform.machine() in NUMBERS and _answer_to_a_filter() == errno.EFAULT


def why_unfiltered() -> str:
    """Why `can_filter` says no on Linux, and what would allow it: the end of a sentence."""
    if platform.machine() not in NUMBERS:
        return f"the system calls of this machine ({platform.machine()}) are not known to the sandbox: run the server on x86-64 or ARM64"
    need = "system calls be filtered (seccomp), without which code of users is not run"
    if _answer_to_a_filter() in (errno.EPERM, errno.EACCES):
        allow = "give it a seccomp profile that allows prctl and seccomp, as the default ones of Docker and Podman do"
        return f"this container or service does not let {need}: {allow}"
    return f"this kernel or emulator does not let {need}: run the server on a Linux kernel with CONFIG_SECCOMP_FILTER"


def _answer_to_a_filter() -> int:
    """The error of a filter at address 0: EFAULT where filters exist and may be set, EINVAL or another one where they do not."""
    ctypes.set_errno(0)
    return ctypes.get_errno() if _libc.prctl(_SET_SECCOMP, _SECCOMP_FILTER, None, 0, 0) == -1 else 0


def may_change_user() -> bool:
    """Whether this process may become another user, which root in a container may be denied."""
    header, sets = struct.pack("II", _CAPABILITY_VERSION, 0), ctypes.create_string_buffer(24)
    if not IS_LINUX or _libc.capget(header, sets) != 0:
        return False
    (effective,) = struct.unpack_from("I", sets.raw)
    return effective & _MAY_CHANGE_USER == _MAY_CHANGE_USER


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_namespaces(account: OsUser | None) -> list[str]:
    """Leave the host's network, processes, mounts, names and message queues as far as the system allows; the names of what was left.

    `account`: uid and gid to become (a root process only). Without one, call it before anything that starts a thread (importing quickjs
    does): the kernel lets only single-threaded processes make a user namespace. The process returns as the first of its new process
    namespace, and its parent waits for it. The files are left by `leave_files`, when all are read.
    """
    own = _unshare(_NEWNS, "mnt") if account is not None else []
    if own:  # privileged: real namespaces first, the account afterwards
        left = own + _unshare_rest()
        _become_first(left)
        leave_files(left)
        _become(account)
        return left
    _become(account)
    left = _user_namespace()
    left += _unshare(_NEWNS, "mnt") + _unshare_rest()
    _become_first(left)
    return left


_HOST = b"sandbox"


def _unshare(flag: int, name: str) -> list[str]:
    return [name] if _libc.unshare(flag) == 0 else []


def _unshare_rest() -> list[str]:
    left = _unshare(_NEWNET, "net") + _unshare(_NEWIPC, "ipc") + _unshare(_NEWUTS, "uts") + _unshare(_NEWPID, "pid")
    if "uts" in left:
        _libc.sethostname(_HOST, len(_HOST))
    return left


def _user_namespace() -> list[str]:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(_NEWUSER) != 0:
        return []
    with contextlib.suppress(OSError):
        _write("/proc/self/setgroups", "deny")
    with contextlib.suppress(OSError):
        _write("/proc/self/uid_map", f"{_NOBODY} {uid} 1")
        _write("/proc/self/gid_map", f"{_NOBODY} {gid} 1")
    return ["user"]


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _become(account: OsUser | None) -> None:
    if account is None:
        return
    uid, gid = account
    _drop_bounds()  # while we still may
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _become_first(left: list[str]) -> None:
    """Fork into the new process namespace: whatever its first process leaves behind dies with it."""
    if "pid" not in left:
        return
    child = os.fork()
    if child:
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        die_with_parent()
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    die_with_parent()


def leave_files(left: list[str]) -> None:
    """Stand in an empty, read-only file system, where mounts were left: no file of the host has a name any more. It can be repeated."""
    if "mnt" not in left or "root" in left:
        return
    try:
        _pivot()
    except OSError:
        return
    left.append("root")


def _pivot() -> None:
    mount, flags = _libc.mount, _NOSUID | _NODEV | _NOEXEC
    _check(mount(None, b"/", None, _REC | _PRIVATE, None), "private mounts")
    folder = os.fsencode(tempfile.gettempdir())
    _check(mount(b"tmpfs", folder, b"tmpfs", flags, b"size=4k,nr_inodes=4,mode=555"), "tmpfs")
    os.chdir(folder)
    _check(_libc.syscall(NUMBERS[platform.machine()]["pivot_root"], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _check(mount(None, b"/", None, _REMOUNT | _RDONLY | flags, None), "read-only")


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends. Forgotten by a change of account."""
    if IS_LINUX:
        _libc.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)


def drop_privileges() -> None:
    """Give up every capability, for good, and be invisible to debuggers."""
    if not IS_LINUX:
        return
    _drop_bounds()
    _libc.prctl(_CAP_AMBIENT, 4, 0, 0, 0)
    header, nothing = struct.pack("II", _CAPABILITY_VERSION, 0), bytes(24)
    _libc.syscall(NUMBERS[platform.machine()]["capset"], header, nothing)
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def _drop_bounds() -> None:
    for capability in range(64):
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)


def limit(memory: int, cpu_seconds: int) -> None:
    """Bound what this process can use: bytes of memory on top of what it has, CPU seconds in all, no files, no processes, no dumps."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, 16)
    _lower(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    if IS_LINUX:  # elsewhere these are per user or not kept
        _lower(resource.RLIMIT_NPROC, 0)
        _lower(resource.RLIMIT_AS, _address_space + memory)


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    _, most = resource.getrlimit(which)
    limit = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        limit = min(limit, most)
    resource.setrlimit(which, (min(soft, limit), limit))


_address_space = 0


def measure() -> None:
    """Note how much address space this process has: what `limit` counts from. Needs /proc, so before the root is emptied.

    Where /proc is not there, more than any has is taken, since a limit below what a child has already would end it at once.
    """
    global _address_space
    _address_space = _UNKNOWN_ADDRESS_SPACE
    with contextlib.suppress(OSError), open("/proc/self/statm") as file:
        _address_space = int(file.read().split()[0]) * resource.getpagesize()


def filter_calls(allowed: frozenset[str]) -> None:
    """Let this process make these system calls and no others, for good; all others fail with EPERM. OSError where it cannot be done."""
    program = _program(platform.machine(), allowed)
    instructions = ctypes.create_string_buffer(program)
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    _check(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_libc.prctl(_SET_SECCOMP, _SECCOMP_FILTER, described, 0, 0), "seccomp")


def _program(machine: str, allowed: frozenset[str]) -> bytes:
    """The filter in the kernel's instruction format: struct sock_filter {u16 code; u8 if true; u8 if false; u32 operand}."""
    numbers = NUMBERS[machine]
    load, equal, any_bit, at_least, give = 0x20, 0x15, 0x45, 0x35, 0x06
    kill, allow, refuse = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM
    lines: list[tuple[int, int, int, int]] = [(load, 0, 0, 4), (equal, 1, 0, ARCHITECTURES[machine]), (give, 0, 0, kill), (load, 0, 0, 0)]
    if machine == "x86_64":  # the x32 convention has the same architecture and other numbers
        lines += [(at_least, 0, 1, 0x40000000), (give, 0, 0, kill)]
    argument = 16  # offset of the arguments, 8 bytes each
    for name in sorted(allowed & numbers.keys(), key=numbers.__getitem__):
        number = numbers[name]
        if name in ("mmap", "mprotect"):  # never memory that can be executed
            lines += [(equal, 0, 4, number), (load, 0, 0, argument + 2 * 8), (any_bit, 0, 1, _PROT_EXEC)]
            lines += [(give, 0, 0, refuse), (give, 0, 0, allow)]
        elif name == "ioctl":  # asyncio makes its own sockets non-blocking
            lines += [(equal, 0, 4, number), (load, 0, 0, argument + 1 * 8), (equal, 0, 1, _FIONBIO)]
            lines += [(give, 0, 0, allow), (give, 0, 0, refuse)]
        else:
            lines += [(equal, 0, 1, number), (give, 0, 0, allow)]
    lines.append((give, 0, 0, refuse))
    return b"".join(struct.pack("HBBI", *line) for line in lines)
