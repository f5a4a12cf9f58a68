"""A database belongs to one data folder: copies, moved folders and damaged ids are recognised, and nothing is taken over by mistake."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cargo_ai.store.embedded import adopt, data_home, identity, postgres
from cargo_ai.store.embedded.postgres import EmbeddedPostgresError
from tests.unit.store.embedded.calls import START, as_root, execute, python, value

pytestmark = as_root


@pytest.fixture
def homes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for root's databases that only this test uses."""
    folder = Path(tempfile.mkdtemp(prefix="cargo-ai-homes-"))
    folder.chmod(0o711)
    monkeypatch.setattr(identity, "ROOT_HOME", folder)
    yield folder
    shutil.rmtree(folder)


def test_a_copied_data_folder_neither_opens_nor_stops_nor_erases_the_database_of_the_original(stopped: Path, tmp_path: Path) -> None:
    original = postgres.start(stopped, fsync=False)
    copy = shutil.copytree(stopped, tmp_path / "copy")
    for attempt in (postgres.start, postgres.stop, postgres.status, postgres.erase, adopt.adopt):
        with pytest.raises(EmbeddedPostgresError, match=str(stopped)):
            attempt(copy)
    assert postgres.status(stopped) == original


def test_a_moved_data_folder_is_refused_until_it_adopts_its_database(folder: Path, tmp_path: Path) -> None:
    execute(postgres.start(folder, fsync=False).owner_url, "CREATE TABLE kept AS SELECT 42 AS n")
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(EmbeddedPostgresError, match="--adopt"):
        postgres.start(moved)
    adopt.adopt(moved)
    try:
        assert value(postgres.start(moved, fsync=False).owner_url, "SELECT n FROM kept") == 42
    finally:
        postgres.erase(moved)
        folder.mkdir()


@pytest.mark.slow
def test_after_an_adoption_by_a_copy_the_original_is_the_one_that_is_refused(folder: Path, tmp_path: Path) -> None:
    postgres.start(folder, fsync=False)
    postgres.stop(folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    adopt.adopt(copy)
    with pytest.raises(EmbeddedPostgresError, match=f"belongs to {copy}"):
        postgres.start(folder)
    adopt.adopt(folder)
    assert postgres.start(folder, fsync=False)


@pytest.mark.parametrize("text", ["", "../../etc", "0123456789abcde", "0123456789ABCDEF", "no-database", "\x00"])
def test_an_id_that_is_no_id_is_refused_and_no_database_is_made(homes: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / identity.ID_FILE).write_text(text)
    for attempt in (postgres.start, postgres.stop, postgres.status):
        with pytest.raises(EmbeddedPostgresError, match="does not hold the id of a database"):
            attempt(tmp_path)
    assert list(homes.iterdir()) == []
    assert (tmp_path / identity.ID_FILE).read_text() == text


def test_an_id_without_its_database_is_refused_and_no_database_is_made(homes: Path, tmp_path: Path) -> None:
    (tmp_path / identity.ID_FILE).write_text("0123456789abcdef")
    with pytest.raises(EmbeddedPostgresError, match="came here without its database"):
        postgres.start(tmp_path)
    assert list(homes.iterdir()) == []


def test_a_damaged_id_is_written_again_by_an_adoption(homes: Path, tmp_path: Path) -> None:
    data_home.assign_id(tmp_path)
    path = tmp_path / identity.ID_FILE
    name = path.read_text()
    path.write_text("")
    with pytest.raises(EmbeddedPostgresError, match=name):
        postgres.start(tmp_path)
    adopt.adopt(tmp_path)
    assert path.read_text() == name
    path.write_text("")
    identity.write_note(homes / name, tmp_path / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="none names it"):
        adopt.adopt(tmp_path)


def test_a_home_named_no_database_gets_an_id_when_its_folder_adopts_it(homes: Path, tmp_path: Path) -> None:
    data_home.assign_id(tmp_path)
    path = tmp_path / identity.ID_FILE
    (homes / path.read_text()).rename(homes / identity.UNNAMED)
    path.write_text("../../etc")
    adopt.adopt(tmp_path)
    (home,) = homes.iterdir()
    assert home.name == path.read_text() == identity.read_id(tmp_path)


def test_ids_notes_and_new_folders_are_closed_to_others(homes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    data_home.assign_id(folder)
    home = homes / (folder / identity.ID_FILE).read_text()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / identity.ID_FILE, home / identity.NOTE)]
    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.slow
def test_without_root_a_copy_has_a_database_and_a_socket_of_its_own(unprivileged_folder: Path) -> None:
    code = START + (
        "import os, shutil; folder = Path(sys.argv[1]); embedded.stop(folder); copy = folder.parent / 'copied'\n"
        "shutil.copytree(folder, copy, ignore=shutil.ignore_patterns('socket', '.s.*'))\n"
        "a, b = embedded.start(folder, fsync=False), embedded.start(copy, fsync=False)\n"
        "print(a.owner_url != b.owner_url and a.pid != b.pid and embedded.status(folder) == a); embedded.stop(copy)\n"
        "print(embedded.status(folder) == a); embedded.stop(folder)"
    )
    answer = python(code, str(unprivileged_folder / ("long-" * 30) / "data"), unprivileged=True)
    assert (answer.stderr, answer.stdout) == ("", "True\nTrue\n")
