"""Create `.venv` from the pinned requirements; instant when nothing changed. It needs only Python 3.11 or newer."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "made-from"
INPUTS = ("requirements/dev.txt", "pyproject.toml", "src/cargo_ai/__init__.py", "tools/setup.py")


def fingerprint() -> str:
    """A hash of what the environment is made from: the inputs, the Python version and its path (its scripts contain the path)."""
    digest = hashlib.sha256(f"{VENV}:{sys.version_info[:2]}".encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_made() -> bool:
    """Whether the environment exists and is up to date."""
    return STAMP.is_file() and STAMP.read_text() == fingerprint() and (VENV / "bin" / "python").exists()


def make() -> None:
    """Create the environment, or bring it up to date."""
    if not _is_usable():
        shutil.rmtree(VENV, ignore_errors=True)
        _run("Cannot make .venv (on Debian and Ubuntu: install python3-venv).", sys.executable, "-m", "venv", str(VENV))
    pip = (str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    _run("The requirements could not be installed.", *pip, "--require-hashes", "-r", "requirements/dev.txt")
    _run("The package could not be installed.", *pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    STAMP.write_text(fingerprint())


def _is_usable() -> bool:
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    code = "import sys, pip; print(*sys.version_info[:2], sys.prefix)"
    output = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    return output == f"{sys.version_info[0]} {sys.version_info[1]} {VENV}"


def _run(problem: str, *command: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr).returncode:
        sys.exit(f"{problem} The command was: {' '.join(command)}")


def main() -> None:
    """Make the environment unless it is up to date. A second process at the same time waits for the first."""
    if is_made():
        return
    with (ROOT / "requirements" / "dev.txt").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made():
            print(f"Setting up .venv with Python {sys.version.split()[0]} (once; about a minute) ...", file=sys.stderr)
            make()


if __name__ == "__main__":
    main()
