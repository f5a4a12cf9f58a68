"""The processes of one server, with their proportional memory and their CPU time, read from /proc (Linux)."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.temporary_server import TemporaryServer

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: `all` is the proportional set size; `shared` is the part of it that is shared memory, which is PostgreSQL's buffers."""

    all: float
    shared: float


def of(server: TemporaryServer) -> dict[str, list[int]]:
    """The process ids of a server: `supervisor`, `api`, `workers`, `postgres`."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, fields in stats().items():
        children[int(fields[1])].append(pid)
    supervisor, postmaster = server.supervisor, server.postmaster
    found: dict[str, list[int]] = {"supervisor": [supervisor], "api": [], "workers": [], "postgres": _below(postmaster, children)}
    for pid in _below(supervisor, children)[1:]:
        if pid not in found["postgres"]:
            found["workers" if _read(pid, "comm").strip() == "cargo-ai worker" else "api"].append(pid)
    return found


def _below(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(found for child in children.get(pid, ()) for found in _below(child, children))]


def stats() -> dict[int, list[str]]:
    """/proc/<pid>/stat of every process, from the state on: the command's name before it may hold anything."""
    found: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (text := _read(int(entry.name), "stat")):
            found[int(entry.name)] = text.rpartition(")")[2].split()
    return found


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""  # it has ended


def memory(pids: list[int]) -> Memory:
    """What these processes hold together; shared pages count once, spread over who maps them."""
    every = shared = 0
    for pid in pids:
        for line in _read(pid, "smaps_rollup").splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                every += int(rest.split()[0])
            elif name == "Pss_Shmem":
                shared += int(rest.split()[0])
    return Memory(every / 1024, shared / 1024)


def cpu_seconds(server: TemporaryServer) -> dict[str, float]:
    """User and system time so far, by group, that of ended children included."""
    every = stats()
    return {
        group: sum(sum(int(ticks) for ticks in every[pid][11:15]) for pid in pids if pid in every) / TICKS
        for group, pids in of(server).items()
    }
