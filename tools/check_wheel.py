"""Build the wheel, try it in empty environments (bare, with the client, with the server) and leave it in dist/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """The output of a command; SystemExit with all of it when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Environment:
    """An empty environment, filled by our own pip, so that it holds nothing but what is installed on purpose."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        run(sys.executable, "-m", "venv", "--without-pip", folder)

    def install(self, *what: str) -> None:
        """`pip install` into it."""
        run(sys.executable, "-m", "pip", "--python", self.bin / "python", "--quiet", "install", *what)

    def packages(self) -> set[str]:
        """The names of all packages in it."""
        listed = run(sys.executable, "-m", "pip", "--python", self.bin / "python", "list", "--format", "json")
        return {package["name"] for package in json.loads(listed)}


def try_base(wheel: Path, folder: Path) -> None:
    """The command line works alone: the wheel installs without an index, so it has no dependency."""
    base = Environment(folder)
    base.install("--no-index", str(wheel))
    assert base.packages() == {"cargo-ai"}, base.packages()
    print("base:", run(base.bin / "cargo-ai", "--version").strip(), "with no dependency")
    help_text = run(base.bin / "cargo-ai", "orchestration", "batch", "create", "--help")
    assert "--wait-until-finished" in help_text, help_text
    assert len(json.loads(run(base.bin / "cargo-ai", "skills", "list"))["skills"]) == 8
    assert "cargo-ai orchestration batch create" in (base.bin.parent / "share/man/man1/cargo-ai-orchestration.1").read_text("utf-8")


def try_sdk(wheel: Path, folder: Path) -> None:
    """The pinned requirements are all that the Python client needs."""
    client = Environment(folder)
    client.install("--require-hashes", "-r", "requirements/sdk.txt")
    client.install("--no-index", f"{wheel}[sdk]")
    print("sdk:", run(client.bin / "python", "-c", "import cargo_ai.sdk; print(', '.join(cargo_ai.sdk.__all__))").strip())


def try_server(wheel: Path, folder: Path) -> None:
    """The pinned requirements are all that the server needs, and it starts, answers and stops."""
    server = Environment(folder)
    server.install("--require-hashes", "-r", "requirements/server.txt")
    server.install("--no-index", f"{wheel}[server]")
    cli = server.bin / "cargo-ai"
    assert "cargo-ai server start" in run(cli, "server", "--help")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_")}
    data, settings = folder / "data", {"CARGO_AI_DATA_DIR": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    environment = inherited | settings
    try:
        started = json.loads(run(cli, "server", "start", "--port", "0", "--detach", environment=environment))
        environment |= {"CARGO_API_URL": started["baseUrl"], "CARGO_API_TOKEN": started["token"]}
        print("server:", json.loads(run(cli, "whoami", environment=environment))["user"]["email"], "at", started["baseUrl"])
    except SystemExit:
        log = data / "server.log"
        print(log.read_text("utf-8", "replace")[-4000:] if log.is_file() else "the server left no log", file=sys.stderr)
        raise
    finally:
        run(cli, "server", "stop", environment=environment)
        erase = "import sys; from pathlib import Path; from cargo_ai.store.embedded import postgres; postgres.erase(Path(sys.argv[1]))"
        run(server.bin / "python", "-c", erase, data)


def main() -> int:
    """Exit code 0 when all work; the last line printed is the wheel's path."""
    with tempfile.TemporaryDirectory(prefix="cargo-ai-wheel-") as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
        (wheel,) = folder.glob("*.whl")
        print("wheel:", wheel.name, f"{wheel.stat().st_size / 1024:.0f} KB")
        try_base(wheel, folder / "base")
        try_sdk(wheel, folder / "sdk")
        try_server(wheel, folder / "server")
        DIST.mkdir(exist_ok=True)
        print(shutil.copy(wheel, DIST))
    return 0


if __name__ == "__main__":
    sys.exit(main())
