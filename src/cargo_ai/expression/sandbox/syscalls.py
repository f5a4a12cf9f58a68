"""System calls by name: their numbers on the machines that the jail knows, and those that jailed code may make."""

from __future__ import annotations

X86_64: dict[str, int] = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "ioctl": 16, "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "nanosleep": 35, "setitimer": 38, "getpid": 39, "sendto": 44, "recvfrom": 45, "socketpair": 53, "exit": 60, "uname": 63,
    "gettimeofday": 96, "getrusage": 98, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
    "capset": 126, "sigaltstack": 131, "pivot_root": 155, "gettid": 186, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "epoll_wait": 232, "epoll_ctl": 233,
    "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "epoll_pwait": 281, "eventfd2": 290, "epoll_create1": 291, "pipe2": 293,
    "getrandom": 318, "rseq": 334,
}  # fmt: skip
AARCH64: dict[str, int] = {
    "eventfd2": 19, "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "ioctl": 29, "pivot_root": 41, "close": 57, "pipe2": 59,
    "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pselect6": 72, "ppoll": 73, "fstat": 80, "capset": 91, "exit": 93,
    "exit_group": 94, "futex": 98, "set_robust_list": 99, "nanosleep": 101, "setitimer": 103, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134,
    "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160, "getrusage": 165, "gettimeofday": 169, "getpid": 172,
    "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "socketpair": 199, "sendto": 206,
    "recvfrom": 207, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "rseq": 293,
}  # fmt: skip

NUMBERS: dict[str, dict[str, int]] = {"x86_64": X86_64, "aarch64": AARCH64}
ARCHITECTURES: dict[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls the machine (AUDIT_ARCH_*): a call made under another convention has other numbers and is not a call of ours."""

_COMPUTING = """
    read write readv writev close fstat lseek mmap mprotect munmap mremap madvise brk rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
    sched_yield poll ppoll getpid getppid gettid getuid geteuid getgid getegid uname clock_gettime clock_getres clock_nanosleep nanosleep
    gettimeofday getrusage times futex exit exit_group restart_syscall getrandom rseq set_robust_list sched_getaffinity
""".split()  # noqa: SIM905 - a table of words
_LOOPING = "socketpair epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 pipe2 pselect6 recvfrom sendto ioctl".split()  # noqa: SIM905

JAVASCRIPT = frozenset([*_COMPUTING, "setitimer"])
"""Computing, reading and writing what is open already, and the timer that ends a child which its engine cannot interrupt."""

PYTHON = frozenset([*_COMPUTING, *_LOOPING])
"""Computing, and what asyncio.run() needs with no other end: no call of these opens a file, reaches a host or starts a process."""
