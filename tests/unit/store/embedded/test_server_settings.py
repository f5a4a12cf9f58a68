"""What is written in a data folder stays as it is; what an earlier version did not write is given at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from cargo_ai.store.embedded import server_settings

OF_ALL = "".join(f"{name} = '{value}'\n" for name, value in server_settings.settings_of(18).items())


def folder(path: Path, conf: str, *, auto: str = "", slot: str = "") -> Path:
    """A data folder with these settings, and where `slot` is given, with a server that follows it by that slot."""
    (path / "postgresql.conf").write_text(conf)
    (path / "postgresql.auto.conf").write_text(auto)
    (path / "pg_replslot" / slot).mkdir(parents=True)
    return path


@pytest.mark.parametrize(("major", "known"), [(16, False), (17, False), (18, True)])
def test_a_version_is_given_only_settings_that_it_knows(major: int, known: bool) -> None:
    settings = server_settings.settings_of(major)
    assert [name in settings for name in ("io_method", "io_max_concurrency")] == [known, known]
    assert settings["shared_buffers"] == "192MB"


def test_nothing_is_missing_where_all_is_written_whatever_its_value(tmp_path: Path) -> None:
    assert server_settings.missing(folder(tmp_path, OF_ALL.replace("192MB", "1GB")), 18) == {}


def test_what_is_commented_out_or_unknown_to_the_folder_is_missing(tmp_path: Path) -> None:
    conf = OF_ALL.replace("wal_buffers =", "#wal_buffers =").replace("autovacuum_naptime = '2min'\n", "")
    assert server_settings.missing(folder(tmp_path, conf), 18) == {"wal_buffers": "1MB", "autovacuum_naptime": "2min"}


def test_what_was_set_by_a_statement_or_in_another_spelling_is_written(tmp_path: Path) -> None:
    conf = OF_ALL.replace("wal_buffers =", "  WAL_Buffers").replace("autovacuum_naptime", "# autovacuum_naptime")
    assert server_settings.missing(folder(tmp_path, conf, auto="autovacuum_naptime = '10s'\n"), 18) == {}


def test_nothing_is_given_where_other_files_are_included(tmp_path: Path) -> None:
    assert server_settings.missing(folder(tmp_path, "include_dir = 'conf.d'\n"), 18) == {}


def test_a_server_that_is_followed_may_be_followed(tmp_path: Path) -> None:
    given = server_settings.missing(folder(tmp_path, "", slot="other"), 18)
    assert {"max_wal_senders", "max_replication_slots"}.isdisjoint(given)
    assert given["wal_buffers"] == "1MB"
