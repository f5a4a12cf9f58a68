"""The files to install with: the container runs without rights, units are hardened and correct, and commands in them are ours."""

from __future__ import annotations

import os
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
BASE = os.environ.get("TEST_BASE_IMAGE", "")
"""The image to build on, where the one of the Containerfile cannot be had: see BASE there."""
DEFAULT_BASE = "docker.io/library/python:3.13-slim"
PIP_CONF = os.environ.get("TEST_PIP_CONF", "")


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
    assert len(named) == 6
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
        assert service["environment"]["CARGO_AI_DATABASE_URL"].startswith("postgresql://cargo_owner:${DATABASE_PASSWORD")
        assert service["environment"]["CARGO_AI_SECRET_KEY"].startswith("${CARGO_AI_SECRET_KEY")
    assert services["api"]["ports"] == ["127.0.0.1:8420:8420"]
    mounted = [volume.split(":")[0] for volume in compose()["services"]["database"]["volumes"] if volume.startswith(".")]
    assert len(mounted) == 2 and all((DEPLOY / path).resolve().is_file() for path in mounted)


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_compose_reads_its_file_and_asks_for_the_passwords() -> None:
    values = dict.fromkeys(("CARGO_AI_SECRET_KEY", "DATABASE_PASSWORD", "POSTGRES_PASSWORD"), "x")
    command = ["docker-compose", "-f", DEPLOY / "compose.yaml", "config", "--quiet"]
    for given, works in ((values, True), ({}, False)):
        parsed = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=False)
        assert (parsed.returncode == 0) is works, parsed.stderr


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
        pytest.skip("no container engine runs here: install podman or docker")
    given = ["--build-arg", f"BASE={BASE}"] if BASE else []
    if not BASE and subprocess.run([ENGINE, "pull", "--quiet", DEFAULT_BASE], capture_output=True, timeout=600, check=False).returncode:
        pytest.skip(f"{DEFAULT_BASE} cannot be had here: TEST_BASE_IMAGE names another one with Python 3.11 or newer")
    given += ["--secret", f"id=pip,src={PIP_CONF}", "--network", "host"] if PIP_CONF else []
    built = subprocess.run(
        [ENGINE, "build", "--quiet", *given, "-f", DEPLOY / "Containerfile", ROOT],
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
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
