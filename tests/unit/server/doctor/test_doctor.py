"""`server doctor` finds what is wrong with a machine or its database, and says how to mend it."""

from __future__ import annotations

from pathlib import Path

import psycopg

from cargo_ai.kernel.settings import PREFIX, Settings
from cargo_ai.server.doctor import database, machine
from cargo_ai.server.doctor.checks import Check
from cargo_ai.server.doctor.report import report
from cargo_ai.store.embedded.postgres import Cluster

KEY = "k" * 40


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_machine_is_looked_over_before_the_first_start(tmp_path: Path) -> None:
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data")})
    found = by_name(list(machine.checks(settings)))
    assert set(found) == {"versions", "settings", "dataFolder", "disk", "secretKey", "sandbox", "openFiles", "outbound", "email"}
    assert found["dataFolder"].ok and found["secretKey"].ok and found["settings"].ok and found["email"].detail == "notConfigured"
    document = report(settings)
    assert document["ok"] is False  # the database does not run
    assert not (tmp_path / "data").exists()


def test_what_is_wrong_with_a_machine_comes_with_its_fix(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secret.key").write_text("c2hvcnQ=")
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path), f"{PREFIX}WORKERZ": "3", "CARGO_AI_SMTP_HOST": "mail.example.com"})
    found = by_name(list(machine.checks(settings)))
    wrong = {name for name, check in found.items() if not check.ok} - {"outbound"}
    assert wrong == {"dataFolder", "secretKey", "settings", "email"}
    assert found["dataFolder"].fix == f"chmod 700 {tmp_path}"
    assert "CARGO_AI_WORKERS" in found["settings"].detail


def test_a_rotation_that_was_cut_off_is_named(tmp_path: Path) -> None:
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path), "CARGO_AI_SECRET_KEY": KEY, "CARGO_AI_FORMER_SECRET_KEY": "f" * 40})
    check = by_name(list(machine.checks(settings)))["secretKey"]
    assert not check.ok and check.document()["fix"] == "cargo-ai server rotate-key"


def test_a_database_is_looked_over(database_url: str) -> None:
    found = by_name(list(database.checks(Settings({}), database_url)))
    for name in ("database", "extensions", "rights", "clock", "schema"):
        assert found[name].ok, found[name]
    assert not found["workers"].ok and "cargo-ai server" in found["workers"].fix
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '0001'")
    assert by_name(list(database.checks(Settings({}), database_url)))["schema"].fix == "cargo-ai server migrate"


def test_where_the_data_folder_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "file" / "data")})
    check = by_name(list(machine.checks(settings)))["dataFolder"]
    assert not check.ok and f"may not write into {tmp_path / 'file'}" in check.detail and "CARGO_AI_DATA_DIR" in check.fix


def test_a_login_that_is_a_superuser_is_named(cluster: Cluster) -> None:
    check = by_name(list(database.checks(Settings({}), cluster.admin_url)))["rights"]
    assert not check.ok and "superuser" in check.detail and "deploy/database.sh" in check.fix


def test_a_database_that_does_not_answer_is_one_check() -> None:
    (check,) = database.checks(Settings({}), "postgresql://x:y@127.0.0.1:1/z")
    assert not check.ok and "CARGO_AI_DATABASE_URL" in check.fix
