"""Waiting for runs and batches: long polls, time limits, Ctrl-C, the line of progress."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cargo_ai.cli.client.api import Api
from cargo_ai.cli.configuration.settings import Settings
from tests.kit.peers.fake_api import Answer, FakeApi, Hangup, Request
from tests.unit.cli.cli_process import Cli

BATCH = ("orchestration", "batch", "create", "--data", "{}", "--wait-until-finished")
RUN = ("orchestration", "run", "create", "--data", "{}", "--wait-until-finished")
GET = "/v1/orchestration/batches/b-1"
APPLIED = {"Preference-Applied": "wait"}


def batch(status: str, done: int = 0, failed: int = 0) -> dict[str, Any]:
    """A batch of 10,000 as the API shows it."""
    return {"batch": {"uuid": "b-1", "status": status, "runsCount": 10000, "executedRunsCount": done, "failedRunsCount": failed}}


@pytest.fixture
def started(api: FakeApi) -> FakeApi:
    """A server where creating begins a batch and a run."""
    api.on("POST", "/v1/orchestration/batches", batch("pending"))
    api.on("POST", "/v1/orchestration/runs", {"run": {"uuid": "r-1", "status": "pending"}})
    return api


def test_a_wait_prints_the_document_of_get_in_place_of_the_pending_one(cli: Cli, started: FakeApi) -> None:
    document = {"run": {"uuid": "r-1", "status": "success"}, "runContext": {"end": 1}}
    started.on("GET", "/v1/orchestration/runs/r-1", Answer(document=document, headers=APPLIED))
    result = cli(*RUN)
    assert (result.code, result.json, result.err) == (0, document, "")


def test_what_shows_work_waits_for_its_end_too(cli: Cli, api: FakeApi) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("GET", GET, batch("running"), Answer(document=batch("error"), headers=APPLIED))
    result = cli("orchestration", "batch", "get", "b-1", "--wait-until-finished", "--exit-status")
    assert (result.code, result.json, len(api.requests)) == (1, batch("error"), 2)
    # What has ended already is asked for once.
    assert cli("orchestration", "batch", "get", "b-1", "--wait-until-finished").json == batch("error")
    assert len(api.requests) == 3


@pytest.mark.parametrize("command", ["orchestration batch get b-1", "orchestration run get b-1", "storage run get b-1"])
def test_a_wait_for_work_that_is_there_holds_on_when_its_first_question_meets_no_database(cli: Cli, api: FakeApi, command: str) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    away = Answer(
        503, {"errorMessage": "The database does not answer right now.", "reason": "databaseUnavailable"}, headers={"Retry-After": "0"}
    )
    noun = command.split()[1]
    done = {noun: {"uuid": "b-1", "status": "success"}}
    path = {"batch": GET, "run": "/v1/orchestration/runs/b-1"}[noun] if command.startswith("o") else "/v1/storage/runs/b-1"
    api.on("GET", path, *[away] * 6, done)
    result = cli(*command.split(), "--wait-until-finished")
    assert (result.code, result.json, len(api.requests)) == (0, done, 7)
    assert cli(*command.split()).code == 0


def test_what_has_begun_nothing_is_not_waited_for(cli: Cli, api: FakeApi) -> None:
    reported: dict[str, Any] = {"batch": None, "dryRun": {"recordsCount": 3}}
    api.on("POST", "/v1/orchestration/batches", reported)
    result = cli(*BATCH)
    assert (result.code, result.json, result.err) == (0, reported, "")


def test_the_server_holds_the_request_so_few_are_needed(cli: Cli, started: FakeApi) -> None:
    ended = threading.Event()

    def held(request: Request) -> Answer:
        ended.wait(0.25)
        return Answer(document=batch("success" if ended.is_set() else "running"), headers=APPLIED)

    started.on("GET", GET, held)
    timer = threading.Timer(0.6, ended.set)
    timer.start()
    began = time.monotonic()
    assert cli(*BATCH, "--polling-interval", "90000").json == batch("success")
    took = time.monotonic() - began
    timer.join()
    assert took < 60  # nowhere near the polling interval
    assert 1 <= len(started.sent("GET", GET)) <= took / 0.25 + 1


@pytest.mark.parametrize(
    ("args", "hold"),
    [((), "5"), (("--polling-interval", "2000"), "2"), (("--polling-interval", "90000"), "25"), (("--polling-interval", "100"), "1")],
)
def test_the_polling_interval_caps_the_hold(cli: Cli, started: FakeApi, args: tuple[str, ...], hold: str) -> None:
    started.on("GET", GET, Answer(document=batch("success"), headers=APPLIED))
    cli(*BATCH, *args)
    assert started.sent("GET", GET)[0].headers["prefer"] == f"wait={hold}"


def test_without_a_hold_the_interval_is_slept(cli: Cli, started: FakeApi) -> None:
    started.on("GET", GET, batch("running"), batch("running"), batch("success"))
    began = time.monotonic()
    assert cli(*BATCH, "--polling-interval", "150").code == 0
    assert time.monotonic() - began > 0.3 and len(started.sent("GET", GET)) == 3


@pytest.mark.parametrize("status", ["success", "error", "cancelled", "skipped"])
def test_every_final_status_ends_the_wait_and_only_exit_status_judges_it(cli: Cli, started: FakeApi, status: str) -> None:
    started.on("GET", GET, batch(status))
    assert cli(*BATCH).code == 0
    assert cli(*BATCH, "--exit-status").code == (1 if status in ("error", "cancelled") else 0)


def test_a_time_limit_exits_8_with_the_command_that_finds_the_work_again(cli: Cli, started: FakeApi) -> None:
    started.on("GET", GET, batch("running"))
    result = cli(*BATCH, "--polling-interval", "200", "--timeout", "0.5")
    assert result.code == 8
    assert result.json["reason"] == "timeout" and result.json["uuid"] == "b-1"
    assert result.json["fix"] == "cargo-ai orchestration batch get b-1"


def test_a_server_that_restarts_is_waited_for(cli: Cli, started: FakeApi) -> None:
    started.on("GET", GET, Hangup(), Answer(503, {"errorMessage": "x"}), batch("success"))
    assert cli(*BATCH).json == batch("success")


def test_a_look_that_no_one_answers_is_repeated(api: FakeApi) -> None:
    never = threading.Event()
    api.on("GET", "/look", Answer(hold=never), {"found": 1})
    settings = SimpleNamespace(base_url=api.url, workspace_uuid=None, timeout=None, debug=False, quiet=True)
    assert Api(cast("Settings", settings), "token").call("GET", "/look", seconds=0.3, persistent=True).document() == {"found": 1}
    never.set()


def test_a_refusal_during_the_wait_still_names_the_work(cli: Cli, started: FakeApi) -> None:
    started.on("GET", GET, Answer(500, {"errorMessage": "Broken.", "reason": "internal"}))
    result = cli(*BATCH)
    assert result.code == 1 and result.json["uuid"] == "b-1" and result.json["fix"] == "cargo-ai orchestration batch get b-1"


def test_a_token_that_ends_during_the_wait_leaves_the_way_to_the_work(cli: Cli, started: FakeApi) -> None:
    ended = {"errorMessage": "This token is not valid.", "reason": "unauthorized", "fix": "cargo-ai login"}
    started.on("GET", GET, Answer(401, ended))
    result = cli(*BATCH)
    assert (result.code, result.json["uuid"], result.json["fix"]) == (4, "b-1", "cargo-ai login")
    assert result.json["errorMessage"].endswith("The batch goes on; find it again with: cargo-ai orchestration batch get b-1")


def test_a_refused_start_is_not_waited_for(cli: Cli, started: FakeApi) -> None:
    started.on("POST", "/v1/orchestration/batches", Answer(404, {"errorMessage": "No.", "reason": "workflowNotFound"}))
    assert cli(*BATCH).code == 1
    assert len(started.requests) == 1


def test_a_reply_without_the_uuid_is_an_error_not_a_loop(cli: Cli, started: FakeApi) -> None:
    started.on("POST", "/v1/orchestration/batches", {"other": 1})
    assert cli(*BATCH).json["reason"] == "unexpectedAnswer"


def test_a_document_without_a_status_is_an_error_not_a_loop(cli: Cli, started: FakeApi) -> None:
    started.on("GET", GET, {"batch": {"uuid": "b-1"}})
    result = cli(*BATCH)
    assert result.code == 1 and result.json["reason"] == "unexpectedAnswer" and result.json["uuid"] == "b-1"


def test_a_warning_repeated_at_every_poll_is_said_once(cli: Cli, started: FakeApi) -> None:
    warned = {"x-cargo-warnings": '["Mind the gap."]', **APPLIED}
    started.on("GET", GET, Answer(document=batch("running"), headers=warned), Answer(document=batch("success"), headers=warned))
    assert cli(*BATCH).err == "warning: Mind the gap.\n"


def until(condition: Any) -> None:
    """Waits until the condition holds, at most 60 seconds."""
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "the condition never held"
        time.sleep(0.01)


def test_ctrl_c_leaves_at_once_and_says_how_to_find_the_work_again(cli: Cli, started: FakeApi) -> None:
    never = threading.Event()
    started.on("GET", GET, Answer(hold=never, document=batch("running")))
    process = cli.start(*BATCH, "--base-url", started.url)
    until(lambda: started.sent("GET", GET))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    never.set()
    assert process.returncode == 130
    again = f"cargo-ai orchestration batch get b-1 --base-url {started.url}"
    assert err.decode() == f"Stopped waiting; the batch goes on. Find it again with: {again}\n"
    assert b'"reason": "interrupted"' in out


def test_ctrl_c_before_the_answer_gives_the_key_to_try_again_with(cli: Cli, started: FakeApi) -> None:
    never = threading.Event()
    started.on("POST", "/v1/orchestration/batches", Answer(hold=never))
    process = cli.start(*BATCH)
    until(lambda: started.requests)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    never.set()
    key = started.requests[0].headers["idempotency-key"]
    assert process.returncode == 130 and f"--idempotency-key {key}" in out.decode()


def in_a_terminal(cli: Cli, *args: str, typed: bytes = b"", after: bytes = b"") -> tuple[int, bytes, str]:
    """Runs with stdin and stderr on a pseudo terminal; types once `after` was shown. Exit code, stdout, what the terminal showed."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    cli.env.setdefault("TERM", "xterm")
    process = cli.start(*args, stdin=theirs, stderr=theirs)
    os.close(theirs)
    shown = bytearray()

    def watch() -> None:
        left = typed
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:
                return
            if not chunk:
                return
            shown.extend(chunk)
            if left and after in shown:
                os.write(ours, left)
                left = b""

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout
    out = process.stdout.read()
    process.stdout.close()
    code = process.wait(15)
    watcher.join(5)
    os.close(ours)
    return code, out, shown.decode()


def test_a_terminal_shows_one_line_of_progress_repainted_in_place(cli: Cli, started: FakeApi) -> None:
    polls = [Answer(document=batch("running", 1240, 12), headers=APPLIED), Answer(document=batch("running", 5000, 12), headers=APPLIED)]
    started.on("GET", GET, *polls, Answer(document=batch("success", 10000), headers=APPLIED))
    code, out, shown = in_a_terminal(cli, *BATCH)
    assert code == 0 and b'"success"' in out
    assert "1,240 / 10,000 runs · 12 failed" in shown and "5,000 / 10,000 runs" in shown and "/s" in shown and "0:0" in shown
    assert "\n" not in shown and shown.endswith("\r\x1b[K")
    assert started.sent("GET", GET)[0].headers["prefer"] == "wait=1"


@pytest.mark.parametrize(("args", "env"), [(("--quiet",), {}), ((), {"TERM": "dumb"})])
def test_quiet_and_dumb_terminals_show_no_progress(cli: Cli, started: FakeApi, args: tuple[str, ...], env: dict[str, str]) -> None:
    started.on("GET", GET, Answer(document=batch("running", 5), headers=APPLIED), batch("success", 10))
    cli.env |= env
    assert in_a_terminal(cli, *BATCH, *args)[2] == ""


def test_a_terminal_is_asked_before_more_than_one_thing_goes(cli: Cli, api: FakeApi) -> None:
    api.on("DELETE", "/v1/workspaceManagement/tokens", {"count": 2})
    command = ("workspace", "token", "remove-all", "a,b")
    assert in_a_terminal(cli, *command, typed=b"n\n", after=b"[y/N]")[0] == 1
    assert api.requests == []
    assert in_a_terminal(cli, *command, "--no-input")[0] == 2
    code, out, shown = in_a_terminal(cli, *command, typed=b"y\n", after=b"[y/N]")
    assert code == 0 and b'"count": 2' in out and "This removes every token named. Go on?" in shown


def test_login_asks_a_terminal_for_the_token_without_showing_it(signed_out: Cli, api: FakeApi) -> None:
    code, out, shown = in_a_terminal(signed_out, "login", "--base-url", api.url, typed=b"cai_live_typed\n", after=b"Token for")
    assert code == 0 and b"ada@example.com" in out
    assert "cai_live_typed" not in shown and api.requests[0].headers["authorization"] == "Bearer cai_live_typed"
