"""The folder of the embedded PostgreSQL's data: odd paths work, links and foreign data are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cargo_ai.store.embedded import data_home, postgres
from cargo_ai.store.embedded.postgres import EmbeddedPostgresError
from tests.unit.store.embedded.calls import START, as_root, python


@pytest.mark.slow
@as_root
@pytest.mark.parametrize("name", ["long-" * 45, "a,b \"c\" $HOME 'd' é"], ids=["long", "odd"])
def test_a_data_folder_with_a_long_or_odd_path_gets_a_short_private_socket(unprivileged_folder: Path, name: str) -> None:
    code = START + (
        "assert embedded.stop(Path(sys.argv[1])); c = embedded.start(Path(sys.argv[1]), fsync=False); print(c.owner_url); import psycopg;"
        "psycopg.connect(c.owner_url).close(); s = Path(c.owner_url.split('host=')[1].split('&')[0]); print(s, oct(s.stat().st_mode));"
        "print(len(str(s / '.s.PGSQL.5432'))); embedded.erase(Path(sys.argv[1])); print(s.exists())"
    )
    answer = python(code, str(unprivileged_folder / name / "data"), unprivileged=True)
    assert answer.stderr == ""
    _url, folder, length, gone = answer.stdout.splitlines()
    assert folder.endswith("0o40700")
    assert int(length) < 90
    assert gone == "False"


def test_a_home_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    data_home.assign_id(folder)
    backend = data_home.data_home_of(folder)
    (tmp_path / "elsewhere").mkdir()
    backend.folder.parent.mkdir(exist_ok=True)
    shutil.rmtree(backend.folder, ignore_errors=True)
    backend.folder.symlink_to(tmp_path / "elsewhere")
    try:
        with pytest.raises(EmbeddedPostgresError, match="must be a folder"):
            postgres.start(folder)
    finally:
        backend.folder.unlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_data_of_another_major_version_are_refused_in_a_sentence(stopped: Path) -> None:
    version = data_home.data_home_of(stopped).data / "PG_VERSION"
    former = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"was made by PostgreSQL 15; .* install version 15"):
            postgres.start(stopped)
        assert version.read_text() == "15\n"
    finally:
        version.write_text(former)
