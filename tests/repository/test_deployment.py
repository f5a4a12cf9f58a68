"""The files to install with: the container runs without rights, units are hardened and correct, and commands in them are ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cargo_ai.cli.builtin import server

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
HARDENED = (
    "NoNewPrivileges=true",
    "ProtectSystem=strict",
    "ProtectHome=true",
    "PrivateTmp=true",
    "PrivateDevices=true",
    "CapabilityBoundingSet=",
    "User=cargo-ai",
)
ENGINE = next((name for name in ("podman", "docker") if shutil.which(name)), "")


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line.strip()]


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def is_a_server_command(words: list[str]) -> bool:
    flags = {*server.VALUE_FLAGS.get(words[1], ()), *server.SWITCHES.get(words[1], ())}
    return words[0] == "server" and words[1] in server.COMMANDS and {word for word in words if word.startswith("-")} <= flags


def test_the_container_is_built_from_the_pinned_requirements_and_runs_without_rights() -> None:
    steps = instructions()
    stages = [position for position, (name, _) in enumerate(steps) if name == "FROM"]
    assert len(stages) == 2
    build, final = steps[stages[0] : stages[1]], dict(steps[stages[1] :])
    sources = [word for name, text in build if name == "COPY" for word in text.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    named = re.findall(r"-r (requirements/\S+)", " ".join(text for _, text in build))
    assert len(named) == 5
    assert all((ROOT / name).is_file() for name in named)
    assert all("--require-hashes" in text for name, text in build if name == "RUN" and "requirements/" in text)
    assert final["USER"] == "10001:10001"
    assert final["VOLUME"] == "/data"
    assert is_a_server_command(re.findall(r'"(.+?)"', final["CMD"]))


def test_the_services_of_the_compose_file_are_read_only_and_share_key_and_database() -> None:
    services = {name: service for name, service in compose()["services"].items() if name != "database"}
    assert set(services) == {"api", "worker"}
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert is_a_server_command(service["command"])
        assert service["environment"]["CARGO_AI_DATABASE_URL"].startswith("postgresql://cargo_owner:${POSTGRES_PASSWORD")
        assert service["environment"]["CARGO_AI_SECRET_KEY"].startswith("${CARGO_AI_SECRET_KEY")
    assert services["api"]["ports"] == ["127.0.0.1:8420:8420"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_hardened_and_starts_one_of_our_commands(unit: Path) -> None:
    lines = unit.read_text("utf-8").splitlines()
    assert [line for line in HARDENED if line not in lines] == []
    (command,) = [line.partition("=")[2] for line in lines if line.startswith("ExecStart=")]
    assert is_a_server_command(command.split()[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_in_a_unit(unit: Path, tmp_path: Path) -> None:
    # The program is not installed here: another stands for it, so that the rest is looked at.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text("utf-8"), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in done.stderr.splitlines() if str(copy) in line or unit.name in line] == []
    assert done.returncode == 0, done.stderr


def has_engine() -> bool:
    return bool(ENGINE) and subprocess.run([ENGINE, "info"], capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.slow
def test_the_image_is_built_and_its_command_runs_without_rights_on_a_read_only_root() -> None:
    if not has_engine():
        pytest.skip("no container engine runs here")
    built = subprocess.run(
        [ENGINE, "build", "--quiet", "-f", DEPLOY / "Containerfile", ROOT], capture_output=True, text=True, timeout=1_200, check=False
    )
    assert built.returncode == 0, built.stderr[-2_000:]
    image = built.stdout.strip().splitlines()[-1]
    limits = ["--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp"]
    shell = "id -u && cargo-ai server start --detach > /dev/null && cargo-ai server status && cargo-ai server stop"
    run = subprocess.run(
        [ENGINE, "run", *limits, "--entrypoint", "sh", image, "-c", shell], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr[-2_000:]
    assert run.stdout.startswith("10001\n")
    assert '"running": true' in run.stdout
