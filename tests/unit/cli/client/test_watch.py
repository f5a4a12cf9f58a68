"""Watching a run: pictures that are repainted on a terminal and follow each other elsewhere, with few requests, until it ends."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import termios
import threading
import time
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, Hangup
from tests.unit.cli.cli_process import Cli
from tests.unit.cli.client.test_wait import until

WATCH = ("orchestration", "node", "diagram", "--run-uuid", "r-1", "--watch")
DRAW = "/v1/orchestration/nodes/diagram"
STREAM = "/v1/downloads/diagram"


def picture(at: str, status: str = "running", **more: Any) -> dict[str, Any]:
    """What the server draws while the run is at a node."""
    lines = [f"[{slug}]{' <- now' if slug == at else ''}" for slug in ("start", "wait", "end")]
    return {"diagram": "\n|\n".join(lines) + "\n", "format": "ascii", "warnings": [], "runStatus": status, "nodeSlug": at or None, **more}


ENDED = picture("", "success", url=None)


def stream(*pictures: dict[str, Any]) -> Answer:
    """Lines behind the URL."""
    return Answer(body="".join(json.dumps(one) + "\n" for one in pictures).encode(), headers={"Content-Type": "application/x-ndjson"})


@pytest.fixture
def walking(api: FakeApi) -> FakeApi:
    """A run that goes from `start` over `wait` to its end."""
    api.on("POST", DRAW, picture("start", url=f"{api.url}{STREAM}?signature=s"), ENDED)
    api.on("GET", STREAM, stream(picture("start", url=None), picture("wait", "idle", url=None), picture("end", url=None), ENDED))
    return api


def without_url(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "url"}


def test_each_change_is_one_line_of_json_where_no_one_looks(cli: Cli, walking: FakeApi) -> None:
    result = cli(*WATCH)
    assert (result.code, result.err) == (0, "")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert lines == [without_url(one) for one in (picture("start"), picture("wait", "idle"), picture("end"), ENDED)]
    assert [request.json for request in walking.sent("POST", DRAW)] == [{"runUuid": "r-1", "watch": True}] * 2


def test_raw_gives_the_pictures_alone(cli: Cli, walking: FakeApi) -> None:
    result = cli(*WATCH, "--raw", "--format", "ascii")
    assert result.code == 0
    assert result.out == "".join(one["diagram"] + "\n" for one in (picture("start"), picture("wait"), picture("end"), ENDED))


def test_a_run_that_has_ended_is_shown_once(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DRAW, ENDED)
    assert json.loads(cli(*WATCH).out) == without_url(ENDED)
    assert len(api.requests) == 1


def test_waiting_takes_no_requests_and_a_connection_that_ends_is_opened_again(cli: Cli, api: FakeApi) -> None:
    on = picture("start", url=STREAM + "?signature=s")
    api.on("POST", DRAW, on, on, on, ENDED)
    moved, held = threading.Event(), stream(picture("start", url=None), picture("wait", "idle", url=None))
    held.hold = moved
    api.on("GET", STREAM, Hangup(), Answer(503, {"errorMessage": "Starting.", "reason": "notReady"}), held)
    timer = threading.Timer(1.0, moved.set)
    timer.start()
    result = cli(*WATCH)
    timer.join()
    assert result.code == 0 and [json.loads(line)["nodeSlug"] for line in result.out.splitlines()] == ["start", "wait", None]
    # Three requests, two connections that came to nothing and one that reported everything, and the last look.
    assert len(api.requests) == 7


def test_ctrl_c_leaves_at_once_and_says_how_to_watch_again(cli: Cli, api: FakeApi) -> None:
    never = threading.Event()
    api.on("POST", DRAW, picture("start", url=STREAM + "?signature=s"))
    api.on("GET", STREAM, Answer(hold=never))
    process = cli.start(*WATCH)
    until(lambda: api.sent("GET", STREAM))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    never.set()
    assert process.returncode == 130 and json.loads(out)["nodeSlug"] == "start"
    assert err.decode() == f"Stopped watching; the run goes on. Watch it again with: cargo-ai {' '.join(WATCH)}\n"


def test_the_time_limit_ends_the_watching_and_not_the_run(cli: Cli, api: FakeApi) -> None:
    never = threading.Event()
    api.on("POST", DRAW, picture("start", url=STREAM + "?signature=s"))
    api.on("GET", STREAM, Answer(hold=never))
    began = time.monotonic()
    result = cli(*WATCH, "--timeout", "1")
    never.set()
    assert result.code == 8 and time.monotonic() - began < 50
    assert "has not ended within 1 s; it goes on" in result.err and json.loads(result.out)["nodeSlug"] == "start"


def test_a_server_that_stays_away_is_given_up(cli: Cli, api: FakeApi) -> None:
    api.on("POST", DRAW, picture("start", url=STREAM + "?signature=s"))
    api.on("GET", STREAM, Hangup())
    result = cli(*WATCH)
    assert result.code == 75 and "lost again and again" in result.err


def on_a_screen(cli: Cli, *args: str, lines: int = 24, columns: int = 80) -> tuple[int, str]:
    """Runs with stdout on a pseudo terminal of that size. Exit code, and everything that was written to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    cli.env.setdefault("TERM", "xterm")
    process = cli.start(*args, stdout=theirs)
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.stderr
    process.stderr.close()
    return process.wait(15), shown.decode().replace("\r\n", "\n")


def screen_of(written: str) -> list[str]:
    """What stands on the screen in the end: repaints go up this many lines and clear what is below."""
    shown: list[str] = []
    for at, part in enumerate(written.split("\x1b[J")):
        text, _, up = part.rpartition("\x1b[")
        if up.endswith("A\r"):
            shown += text.split("\n")[:-1]
            shown = shown[: len(shown) - int(up[:-2])]
        else:
            shown += part.split("\n")[:-1]
        assert at or "\x1b" not in text
    return shown


def test_a_terminal_is_repainted_in_place_and_keeps_the_last_picture(cli: Cli, walking: FakeApi) -> None:
    code, written = on_a_screen(cli, *WATCH, "--raw")
    assert code == 0
    assert walking.sent("POST", DRAW)[0].json == {"runUuid": "r-1", "watch": True, "format": "ascii"}
    assert "[wait] <- now" in written and "idle, at wait" in written
    assert screen_of(written) == ["[start]", "|", "[wait]", "|", "[end]", "", "success"]


def test_a_picture_that_does_not_fit_is_shown_around_the_node_that_the_run_is_at(cli: Cli, api: FakeApi) -> None:
    long = "\n".join(f"[n{at}]{' <- now' if at == 30 else ''}{' x' * 60 if at == 31 else ''}" for at in range(60))
    api.on("POST", DRAW, picture("n30", url=STREAM + "?signature=s") | {"diagram": long}, ENDED)
    api.on("GET", STREAM, stream(ENDED))
    _, written = on_a_screen(cli, *WATCH, lines=12, columns=40)
    first = written.partition("\x1b[")[0].splitlines()
    assert len(first) == 11 and "[n30] <- now" in first and (first[0], first[-3], first[-1]) == ("…", "…", "running, at n30")
    assert all(len(line) < 40 for line in first)
    assert screen_of(written)[-1] == "success"


def test_a_terminal_that_cannot_be_repainted_gets_one_picture_after_the_other(cli: Cli, walking: FakeApi) -> None:
    cli.env["TERM"] = "dumb"
    code, written = on_a_screen(cli, *WATCH, "--raw")
    assert code == 0 and "\x1b" not in written and written.count("[end]") == 4
