"""Which database belongs to which data folder, for root: the id in the folder names a home, and a note in the home the folder."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from cargo_ai.store import private_files
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError

ROOT_HOME = Path("/var/lib/cargo-ai")
ID_FILE = "database.id"
NOTE = "data-folder"
UNNAMED = "no-database"
"""The home that versions before 0.1 gave to every folder whose id they could not read."""
_ID = re.compile(r"[0-9a-f]{16}")


def read_id(data_dir: Path) -> str | None:
    """The id in a data folder; None without one. EmbeddedPostgresError when the file holds something else."""
    path = data_dir / ID_FILE
    try:
        text = path.read_text(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    if _ID.fullmatch(text):
        return text
    names = [home.name for home in homes_of(data_dir)]
    if names:
        then = f"{' and '.join(names)} in {ROOT_HOME} names this folder: `cargo-ai server start --adopt` writes the id again"
    else:
        then = "Put the former id back, or restore a backup into an empty folder"
    raise EmbeddedPostgresError(
        f"{path} does not hold the id of a database (16 digits of 0-9 and a-f). No new database is made in its place. {then}."
    )


def fresh_id() -> str:
    """An id that no database has yet."""
    return secrets.token_hex(8)


def homes_of(data_dir: Path) -> list[Path]:
    """The homes whose note names this data folder; as root only, for others cannot list them."""
    if os.geteuid() != 0 or not ROOT_HOME.is_dir():
        return []
    homes = [home for home in sorted(ROOT_HOME.iterdir()) if _ID.fullmatch(home.name) or home.name == UNNAMED]
    return [home for home in homes if noted_folder(home) == data_dir]


def noted_folder(home: Path) -> Path | None:
    """The data folder that a home belongs to; None where its note is missing."""
    try:
        return Path((home / NOTE).read_text(errors="surrogateescape").removesuffix("\n"))
    except (FileNotFoundError, PermissionError):
        return None


def write_note(home: Path, data_dir: Path) -> None:
    """Let a home belong to this data folder from now on."""
    private_files.write(home / NOTE, f"{data_dir}\n")


def other_folder(home: Path, data_dir: Path) -> Path | None:
    """The data folder that the home belongs to when it is another than this one."""
    noted = noted_folder(home)
    if noted is None or noted == data_dir:
        return None
    try:
        # A link, or the same folder mounted twice.
        return None if noted.samefile(data_dir) else noted
    except OSError:
        return noted


def require_own(home: Path, data_dir: Path) -> None:
    """EmbeddedPostgresError when the home belongs to another data folder, of which this one is a copy, or from which it was moved."""
    other = other_folder(home, data_dir)
    if other is not None:
        raise EmbeddedPostgresError(
            f"The database that {data_dir / ID_FILE} names belongs to {other}. If you moved that folder here, "
            "`cargo-ai server start --adopt` takes the database over. A copy needs a database of its own: "
            "`cargo-ai server backup` there and `cargo-ai server restore` into an empty folder make one."
        )


def assign_id(data_dir: Path) -> None:
    """As root: give a data folder its id and its home, once. Two processes that start at once agree on one."""
    path = data_dir / ID_FILE
    if path.exists():
        return
    name = fresh_id()
    home = ROOT_HOME / name
    # The home comes first: an id whose home is missing tells that the folder came here without its database.
    home.mkdir(mode=0o711)
    home.chmod(0o711)
    write_note(home, data_dir)
    draft = data_dir / f"{ID_FILE}.{os.getpid()}"
    private_files.write(draft, name)
    try:
        os.link(draft, path)
        private_files.sync_folder(data_dir)
    except FileExistsError:
        shutil.rmtree(home)
    finally:
        draft.unlink()
