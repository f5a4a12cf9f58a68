"""Adopt a database: let it belong to the data folder that was moved, or whose id was damaged."""

from __future__ import annotations

import os
from pathlib import Path

from cargo_ai.store import private_files
from cargo_ai.store.embedded import identity, process
from cargo_ai.store.embedded.data_home import DataHome
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError

LOCK_SECONDS = 30


def adopt(data_dir: Path) -> None:
    """Make the database of a data folder belong to it. EmbeddedPostgresError when it runs for another folder, or when none is there.

    Only root's databases lie outside of their data folder; for other users there is nothing to adopt.
    """
    if os.geteuid() != 0:
        return
    folder = data_dir.expanduser().resolve()
    home = identity.ROOT_HOME / (_sound_id(folder) or _repair(folder))
    if not home.exists():
        return  # the start says what is missing
    with process.start_stop_lock(DataHome(home, folder), LOCK_SECONDS):
        other = identity.other_folder(home, folder)
        if other is None:
            return
        if _names(other, home) and process.is_alive(DataHome(home, other)):
            raise EmbeddedPostgresError(
                f"The database runs for {other}: stop that server first (CARGO_AI_DATA_DIR={other} cargo-ai server stop). "
                "To have both, make a backup there and restore it into an empty folder."
            )
        identity.write_note(home, folder)


def _sound_id(folder: Path) -> str | None:
    try:
        return identity.read_id(folder)
    except EmbeddedPostgresError:
        return None


def _names(folder: Path, home: Path) -> bool:
    return _sound_id(folder) == home.name


def _repair(folder: Path) -> str:
    """Write the id of the home whose note names this folder; returns it."""
    homes = identity.homes_of(folder)
    named = [home for home in homes if home.name != identity.UNNAMED] or homes
    if len(named) != 1:
        which = f"{', '.join(home.name for home in named)} all name it" if named else "none names it"
        raise EmbeddedPostgresError(
            f"There is no one database of {folder} to adopt in {identity.ROOT_HOME}: {which}. "
            f"Write the right id into {folder / identity.ID_FILE}, or restore a backup into an empty folder."
        )
    (home,) = named
    if home.name == identity.UNNAMED:
        if process.is_alive(DataHome(home, folder)):
            raise EmbeddedPostgresError(f"The database in {home} runs: stop its server with the version that started it, then adopt it.")
        home = home.rename(home.with_name(identity.fresh_id()))
    private_files.write(folder / identity.ID_FILE, home.name)
    return home.name
