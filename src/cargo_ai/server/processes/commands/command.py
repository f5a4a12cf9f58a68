"""The commands of `cargo-ai server`: start, stop, status, init, worker and migrate."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from cargo_ai.kernel import clock, log, settings
from cargo_ai.kernel.configuration import settings_file
from cargo_ai.kernel.settings import PREFIX, Settings, SettingsError
from cargo_ai.server.backup.refusals import BackupRefused, require_finished
from cargo_ai.server.processes import api_processes, children, start_state, supervise
from cargo_ai.server.processes.commands import server_log, server_status
from cargo_ai.server.processes.start_state import BootstrapFailed
from cargo_ai.server.processes.supervise import StartFailed, Supervisor
from cargo_ai.store import private_files
from cargo_ai.store.embedded.adopt import adopt
from cargo_ai.store.embedded.data_home import data_home_of
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError

NOTICE_SECONDS = 30.0
"""After which it is said that a detached server is still starting."""
ENDING_SECONDS = 10.0
LOG_NAME = "server.log"
BOUNDS = {"--workers": (0, 64), "--api": (1, 16)}

_log = log.get(__name__)


class CommandRefused(Exception):
    """The command cannot be run; `code` is the exit code."""

    def __init__(self, code: int, reason: str, sentence: str, fix: str | None = None) -> None:
        super().__init__(sentence)
        self.code, self.reason, self.fix = code, reason, fix


def run(verb: str, flags: dict[str, str]) -> int:
    """Run one command of `cargo-ai server` and return its exit code. CommandRefused when it cannot be run."""
    names = {"--port": "PORT", "--host": "HOST", "--debug": "DEBUG"}
    overrides = {PREFIX + names[flag]: value for flag, value in flags.items() if flag in names}
    verbs: dict[str, Callable[[Settings, dict[str, str]], int]] = {
        "start": _start,
        "stop": _stop,
        "status": _status,
        "logs": _logs,
        "init": _init,
        "worker": _worker,
        "migrate": _migrate,
        "integration serve": _serve_integration,
        "backup": _backup,
        "restore": _restore,
        "rotate-key": _rotate_key,
        "doctor": _doctor,
    }
    try:
        configuration, ignored = settings_file.with_file(Settings({**settings.read().environment, **overrides}))
        log.setup(debug=configuration.debug, quiet=verb == "doctor")
        if verb in ("start", "worker"):
            for sentence in [*configuration.unknown(), *ignored]:
                _log.warning(sentence)
            configuration.check()
        if verb in ("start", "init", "migrate", "worker", "backup", "rotate-key"):
            require_finished(configuration)
        return verbs[verb](configuration, flags)
    except SettingsError as error:
        raise CommandRefused(2, "invalidSettings", str(error)) from None
    except (StartFailed, EmbeddedPostgresError, BackupRefused) as error:
        raise CommandRefused(1, f"{verb}Failed", str(error)) from None
    except BootstrapFailed as error:
        raise CommandRefused(error.code, error.reason, str(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        where = f"{error.filename} cannot be used ({error.strerror})"
        raise CommandRefused(1, f"{verb}Failed", f"{where}: make it writable, or choose another folder with CARGO_AI_DATA_DIR.") from None


def _print(document: dict[str, object]) -> int:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
    return 0


def _count(flags: dict[str, str], flag: str, default: int) -> int:
    raw = flags.get(flag, str(default))
    least, most = BOUNDS.get(flag, (0, None))
    if not raw.isdigit() or int(raw) < least or (most is not None and int(raw) > most):
        raise CommandRefused(2, "invalidFlag", f"{flag} takes a whole number{f' from {least} to {most}' if most else ''}, not {raw!r}.")
    return int(raw)


def _start(configuration: Settings, flags: dict[str, str]) -> int:
    if "--port" in flags:
        _count(flags, "--port", 0)
    port = configuration.port
    if not 0 <= port <= 65535:
        raise CommandRefused(2, "invalidFlag", f"--port takes a number from 0 to 65535, not {port}.")
    workers = _count(flags, "--workers", configuration.workers)
    if not workers and not configuration.database_url:
        sentence = "Without workers, the API needs CARGO_AI_DATABASE_URL: the database that `cargo-ai server worker` uses, too."
        raise CommandRefused(2, "invalidSettings", sentence)
    apis = _count(flags, "--api", configuration.api_processes or api_processes.by_cores())
    state = supervise.running(configuration)
    if state:
        raise CommandRefused(1, "alreadyRunning", *server_status.describe_running(configuration, state))
    if "--detach" in flags:
        return _detach(configuration, apis, workers, flags)
    supervisor = Supervisor(configuration, None, apis, workers, port)
    on_signals(supervisor.stop_soon)
    # The port first: one that is in use must not leave a database running.
    supervisor.bind()
    if "--adopt" in flags and not configuration.database_url:
        adopt(configuration.data_dir)
    supervisor.start_state = children.prepare(configuration)
    try:
        _print(supervisor.start())
        supervisor.run()
    except StartFailed as error:
        supervisor.stop()
        if not supervisor.start_state.token:
            raise
        sentence = f"{error} The first workspace is there, but its token was not shown: make another, then start again."
        raise CommandRefused(1, "startFailed", sentence, "cargo-ai server init --admin-token") from None
    return 0


def on_signals(stop: Callable[[], object]) -> None:
    """Stop when the process is asked to end."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    # By this one its children log their tasks: sent to all processes, it must not end this one, which has none.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def _detach(configuration: Settings, apis: int, workers: int, flags: dict[str, str]) -> int:
    private_files.make_folder(configuration.data_dir)
    log_path = configuration.data_dir / LOG_NAME
    switches = {"--adopt": "1"} if "--adopt" in flags else {}
    environment = configuration.environment | {Settings.log_file.variable: str(log_path)}
    with os.fdopen(private_files.open_to_append(log_path), "ab") as log_file:
        before = log_file.seek(0, os.SEEK_END)
        process = _start_detached({"--api": str(apis), "--workers": str(workers)} | switches, environment, log_file.fileno())
    assert process.stdout is not None
    try:
        with process.stdout as stdout:
            # As long as it lives: its steps have limits of their own, a migration takes what the rows take, and the token is shown once.
            while not select.select([stdout], [], [], NOTICE_SECONDS)[0]:
                _log.warning("the server is still starting", pid=process.pid, log=str(log_path))
            line = stdout.readline()
            if line.startswith(b'{"baseUrl"'):
                sys.stdout.write(line.decode())
                return 0
            rest = line + stdout.read()
    except KeyboardInterrupt:
        _end(process)
        raise
    try:
        document = json.loads(rest)
        raise CommandRefused(process.wait(), str(document["reason"]), str(document["errorMessage"]), document.get("fix"))
    except (ValueError, KeyError):
        _end(process)
        sentence = f"The server ended while it was starting. {_written(log_path, before)}"
        raise CommandRefused(1, "startFailed", sentence) from None


def _end(process: children.Process) -> None:
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_SECONDS)


def _start_detached(flags: dict[str, str], environment: dict[str, str], errors: int) -> children.Process:
    """`server start` in a process of its own. Where that is safe, it goes on with what this one has loaded."""
    if children.FORKS and threading.active_count() == 1:
        return children.fork("cargo-ai server", lambda: _run_detached(flags), environment, errors=errors)
    words = [word for flag, value in flags.items() for word in ((flag,) if flag == "--adopt" else (flag, value))]
    return subprocess.Popen(
        [sys.executable, "-m", "cargo_ai", "server", "start", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


def _run_detached(flags: dict[str, str]) -> int:
    try:
        return run("start", flags)
    except CommandRefused as refusal:
        fix: dict[str, object] = {"fix": refusal.fix} if refusal.fix else {}
        _print({"reason": refusal.reason, "errorMessage": str(refusal), **fix})
        return refusal.code


def _written(path: Path, since: int) -> str:
    """What a log says since a position, in a sentence."""
    with path.open("rb") as log_file:
        log_file.seek(since)
        text = log_file.read().decode(errors="replace").strip()
    return (
        f"The end of {path}: {text[-600:]}" if text else f"It has written nothing to {path}: without --detach, it shows what it waits for."
    )


def _stop(configuration: Settings, _flags: dict[str, str]) -> int:
    state = supervise.running(configuration)
    if not state:
        from cargo_ai.store.embedded import postgres

        stopped = not configuration.database_url and postgres.stop(configuration.data_dir)
        return _print({"stopped": bool(stopped), "dataDir": str(configuration.data_dir)})
    pid = int(state["pid"])
    os.kill(pid, signal.SIGTERM)
    deadline = clock.seconds() + configuration.drain_seconds + 30
    while supervise.running(configuration) and clock.seconds() < deadline:
        select.select([], [], [], 0.05)
    if supervise.running(configuration):
        raise CommandRefused(8, "stillStopping", f"The server (pid {pid}) is still stopping; its log says what it waits for.")
    return _print({"stopped": True, "pid": pid, "dataDir": str(configuration.data_dir)})


def _status(configuration: Settings, _flags: dict[str, str]) -> int:
    state = supervise.running(configuration)
    if not state:
        sentence = f"No server of {configuration.data_dir} runs."
        raise CommandRefused(1, "notRunning", sentence, "cargo-ai server start")
    problem = server_status.problem_of(configuration, state)
    if problem is not None:
        raise CommandRefused(75, problem.reason, problem.sentence, problem.fix)
    shown = {name: value for name, value in state.items() if name != "address"}
    return _print({"running": True, **shown, "dataDir": str(configuration.data_dir)})


def _logs(configuration: Settings, flags: dict[str, str]) -> int:
    count, path = _count(flags, "--tail", 100), configuration.data_dir / LOG_NAME
    if not path.exists():
        raise CommandRefused(1, "noLog", f"{path} is not there: only a server that was started with --detach writes it.")
    text, end = server_log.last_lines(path, count)
    try:
        _write(text)
        if "--follow" in flags:
            for text in server_log.follow(path, end):
                _write(text)
    except (KeyboardInterrupt, BrokenPipeError):
        # The reader has seen enough; nothing is left to be flushed into a closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.flush()


def _init(configuration: Settings, flags: dict[str, str]) -> int:
    workspace = flags.get("--workspace-uuid")
    if workspace and "--admin-token" not in flags:
        raise CommandRefused(2, "invalidFlag", "--workspace-uuid says whose admin gets a token: it needs --admin-token.")
    admin_token_of = workspace or start_state.FIRST_WORKSPACE if "--admin-token" in flags else None
    with _database(configuration):
        from cargo_ai.store import migrate

        state = start_state.run_bootstrap(configuration, admin_token_of=admin_token_of)
        token: dict[str, object] = {"token": state.token} if state.token else {}
        return _print({"workspaceUuid": state.workspace, "schema": migrate.head(), **token})


def _migrate(configuration: Settings, _flags: dict[str, str]) -> int:
    with _database(configuration):
        from cargo_ai.server.processes.bootstrap import database_url
        from cargo_ai.store import migrate

        url = database_url(configuration)
        before = migrate.current(url)
        return _print({"from": before, "to": migrate.upgrade(url)})


def _serve_integration(configuration: Settings, flags: dict[str, str]) -> int:
    from cargo_ai.server.served_integration import CannotServe, serve

    source, token = flags.get("--token-file"), None
    if source is not None:
        try:
            token = sys.stdin.readline() if source == "-" else Path(source).expanduser().read_text("utf-8").partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise CommandRefused(2, "unreadable", f"The token file {source} cannot be read: {error}.") from None
    port = _count(flags, "--port", 0)
    if port > 65535:
        raise CommandRefused(2, "invalidFlag", f"--port takes a number from 0 to 65535, not {port}.")
    try:
        serve(flags["SLUG"], configuration, flags.get("--host", "127.0.0.1"), port, None if token is None else token.strip(), _print)
    except CannotServe as error:
        raise CommandRefused(1, "cannotServe", str(error)) from None
    return 0


def _backup(configuration: Settings, flags: dict[str, str]) -> int:
    from cargo_ai.server.backup.passphrase import new_passphrase

    if not configuration.database_url and not data_home_of(configuration.data_dir).data.exists():
        raise CommandRefused(1, "nothingToBackUp", f"{configuration.data_dir} has no database: CARGO_AI_DATA_DIR names the data folder.")
    passphrase = new_passphrase(configuration, flags)
    # Loaded when it is known that there is something to do.
    from cargo_ai.server.backup.command import back_up
    from cargo_ai.server.key_rotation import rotate

    with _rotation_errors():
        rotate.require_rotated(configuration)
    with _database(configuration):
        return _print(back_up(configuration, flags, passphrase))


def _restore(configuration: Settings, flags: dict[str, str]) -> int:
    from cargo_ai.server.backup.passphrase import given_passphrase

    passphrase = given_passphrase(configuration, flags)
    from cargo_ai.server.backup.command import restore

    return _print(restore(configuration, flags, passphrase))


def _rotate_key(configuration: Settings, _flags: dict[str, str]) -> int:
    from cargo_ai.server.key_rotation import rotate
    from cargo_ai.server.processes.bootstrap import database_url
    from cargo_ai.store import migrate

    if not configuration.secret_key and supervise.running(configuration):
        sentence = f"The server of {configuration.data_dir} runs, with the key that would be replaced: stop it first."
        raise CommandRefused(1, "serverRunning", sentence, "cargo-ai server stop")
    with _database(configuration), _rotation_errors():
        url = database_url(configuration)
        migrate.check(url)
        return _print(rotate.rotate(configuration, url))


def _doctor(configuration: Settings, _flags: dict[str, str]) -> int:
    from cargo_ai.server.doctor.report import report

    document = report(configuration)
    _print(document)
    return 0 if document["ok"] else 1


@contextmanager
def _rotation_errors() -> Generator[None]:
    """What a rotation refuses is a CommandRefused."""
    from cargo_ai.server.key_rotation.rotate import RotationRefused

    try:
        yield
    except RotationRefused as error:
        raise CommandRefused(1, "rotationRefused", str(error)) from None


@contextmanager
def _database(configuration: Settings) -> Generator[None]:
    """Leave the embedded database running or stopped, as it was. What goes wrong with it is a CommandRefused."""
    from cargo_ai.server.processes.bootstrap import problem_of
    from cargo_ai.store.embedded import postgres

    was_running = bool(configuration.database_url) or postgres.status(configuration.data_dir) is not None
    try:
        yield
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        raise CommandRefused(*problem) from None
    finally:
        if not was_running:
            postgres.stop(configuration.data_dir)


def _worker(configuration: Settings, _flags: dict[str, str]) -> int:
    if not configuration.database_url:
        raise CommandRefused(2, "invalidSettings", "A worker on its own needs CARGO_AI_DATABASE_URL: the database that the server uses.")
    from cargo_ai.server.price_names import check_price_names
    from cargo_ai.server.processes import worker
    from cargo_ai.store import migrate

    check_price_names(configuration)
    with _database(configuration):
        migrate.check(configuration.database_url)
    return worker.main(configuration)
