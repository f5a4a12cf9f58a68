"""The data home of one embedded database: its private folders and files, their owners, and the checks that keep them private."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cargo_ai.store import private_files
from cargo_ai.store.embedded import identity
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser

PORT = 5432
# The kernel's limit is 104 bytes on macOS and 108 on Linux; the rest is margin.
SOCKET_PATH_BYTES = 90
LOG_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DataHome:
    """The folders and files of one database. `folder` is ours; in it only `data` and `socket` belong to the database's user."""

    folder: Path
    data_dir: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "data"

    @property
    def admin_password(self) -> Path:
        """The superuser's password, written before `data` appears."""
        return self.folder / "admin.password"

    @property
    def owner_password(self) -> Path:
        """The owner's password; it exists once roles, database and extensions do."""
        return self.folder / "owner.password"

    @property
    def log(self) -> Path:
        """PostgreSQL's log."""
        return self.folder / "postgres.log"

    @property
    def life_lock(self) -> Path:
        """Locked while any process of this database lives."""
        return self.folder / "life.lock"

    @property
    def start_stop_lock(self) -> Path:
        """Locked by the process that starts or stops this database."""
        return self.folder / "turn.lock"


def data_home_of(data_dir: Path) -> DataHome:
    """The data home for a data folder; touches nothing. EmbeddedPostgresError when it belongs to another user or another data folder."""
    resolved = data_dir.expanduser().resolve()
    folder = _root_home(resolved) if os.geteuid() == 0 else resolved / "postgres"
    try:
        foreign = folder.lstat().st_uid != os.geteuid()
    except FileNotFoundError:
        foreign = False
    except PermissionError:
        foreign = True
    if foreign:
        raise EmbeddedPostgresError(f"{folder} belongs to another user: use that user, or another data folder.")
    if os.geteuid() == 0:
        identity.require_own(folder, resolved)
    return DataHome(folder, resolved)


def _root_home(data_dir: Path) -> Path:
    """Root's home is named by an id in the data folder; for a folder that has none yet, a path where nothing is."""
    return identity.ROOT_HOME.resolve() / (identity.read_id(data_dir) or ".none")


def assign_id(data_dir: Path) -> None:
    """As root: give a data folder its id and its home, once."""
    folder = data_dir.expanduser().resolve()
    # A database in the folder belongs to another user, which `prepare_home` reports.
    if os.geteuid() == 0 and not (folder / "postgres" / "data").exists():
        private_files.make_folder(folder)
        _shared_folder(identity.ROOT_HOME)
        identity.assign_id(folder)


def prepare_home(home: DataHome) -> None:
    """Create the home folder, or check that the existing one is ours; EmbeddedPostgresError when it is not.

    As root, the database's user can pass through the home (0711) but read nothing in it except `data` and `socket`.
    """
    if os.geteuid() == 0:
        if (home.data_dir / "postgres" / "data").exists():
            raise EmbeddedPostgresError(f"The database in {home.data_dir} was not made by root: start the server as its own user.")
        if not home.folder.exists():
            raise EmbeddedPostgresError(
                f"{home.data_dir} came here without its database: {home.folder}, which its {identity.ID_FILE} names, is not there. "
                "Put that folder back (in a container, keep it in a volume), or restore a backup into an empty folder; "
                f"if it never had a database, delete its {identity.ID_FILE}."
            )
        _shared_folder(identity.ROOT_HOME)
        _shared_folder(home.folder)
        if identity.noted_folder(home.folder) is None:
            identity.write_note(home.folder, home.data_dir)
        return
    if not home.folder.exists() and (home.data_dir / identity.ID_FILE).exists():
        raise EmbeddedPostgresError(f"The database of {home.data_dir} was made by root: start it as root, or use another data folder.")
    private_files.make_folder(home.data_dir)
    private_folder(home.folder, OsUser(os.geteuid(), os.getegid()))
    if identity.other_folder(home.folder, home.data_dir) is not None:
        # A copy has its own database in it, but must not take the original's socket away.
        (home.folder / "socket-folder").unlink(missing_ok=True)
    if identity.noted_folder(home.folder) != home.data_dir:
        identity.write_note(home.folder, home.data_dir)


def _shared_folder(path: Path) -> None:
    """Create or check a folder of root that others may pass through, but not list or write."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
            raise EmbeddedPostgresError(f"{path} must be a folder that belongs to root and that only root can write.") from None
    else:
        path.chmod(0o711)


def private_folder(path: Path, user: OsUser) -> None:
    """Create a 0700 folder of the user, or check the existing one; EmbeddedPostgresError for another user's folder or a link."""
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    except FileExistsError:
        if not _is_own_folder(path, user.uid):
            raise EmbeddedPostgresError(f"{path} must be a folder of the database's own user, not a link or someone else's.") from None
        if path.lstat().st_mode & 0o077:
            path.chmod(0o700)


def _is_own_folder(path: Path, uid: int) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid


def socket_folder(home: DataHome) -> Path | None:
    """The folder of the socket, if there is one; touches nothing."""
    if _fits(home.folder / "socket"):
        inside = home.folder / "socket"
        return inside if inside.is_dir() else None
    try:
        return Path((home.folder / "socket-folder").read_text(errors="surrogateescape").strip())
    except FileNotFoundError:
        return None


def make_socket_folder(home: DataHome, user: OsUser) -> Path:
    """The 0700 folder of the socket: inside the home, or, when that path is too long, a random name in the temporary folder.

    Only that name is kept, in the home: no one can guess and occupy it. $XDG_RUNTIME_DIR is not used, since it vanishes at logout
    while the database still runs.
    """
    if _fits(home.folder / "socket"):
        private_folder(home.folder / "socket", user)
        return home.folder / "socket"
    known = socket_folder(home)
    if known is not None and _is_own_folder(known, user.uid) and not known.lstat().st_mode & 0o077:
        return known
    for parent in (tempfile.gettempdir(), "/tmp"):  # nosec B108  # noqa: S108 - mkdtemp: random name, 0700, never an existing folder
        if not _fits(Path(parent) / "cargo-ai-12345678"):
            continue
        folder = Path(tempfile.mkdtemp(prefix="cargo-ai-", dir=parent))
        private_files.write(home.folder / "socket-folder", str(folder))
        return folder
    raise EmbeddedPostgresError("No folder with a short path is there for the database's socket: set TMPDIR to one.")


def _fits(folder: Path) -> bool:
    # libpq splits hosts at commas and knows no escape for them.
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) < SOCKET_PATH_BYTES and "," not in str(folder) and '"' not in str(folder)


def change_owner(folder: Path, user: OsUser) -> None:
    """As root: make the user the owner of a data folder. A volume outlives the image whose system user had another uid."""
    if os.geteuid() != 0 or folder.lstat().st_uid == user.uid:
        return
    for _root, folders, files, handle in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(name, user.uid, user.gid, dir_fd=handle, follow_symlinks=False)
    os.chown(folder, user.uid, user.gid, follow_symlinks=False)


def open_log(home: DataHome) -> int:
    """A descriptor that appends to the log; a log above 16 MB is moved to `.1` first."""
    if home.log.exists() and home.log.stat().st_size > LOG_BYTES:
        home.log.replace(home.log.with_name(f"{home.log.name}.1"))
    return os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def log_tail(home: DataHome) -> str:
    """The last five lines of the log, as the end of a message."""
    try:
        with home.log.open("rb") as file:
            file.seek(max(0, home.log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()[-5:]
    except FileNotFoundError:
        return f"There is no log in {home.log}."
    return "\n".join([f"The end of {home.log}:", *lines])


def erase(home: DataHome) -> None:
    """Delete the home and everything in it; the database must be stopped."""
    folder = socket_folder(home)
    if folder is not None and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    if home.folder.is_dir():
        shutil.rmtree(home.folder)
