"""The place of one embedded database: its private folders and files, who owns them, and the checks that keep them private."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cargo_ai.store.embedded.os_user import EmbeddedPostgresError, OsUser

ROOT_HOME = Path("/var/lib/cargo-ai")
ID_FILE = "database.id"
PORT = 5432
# The kernel's limit is 104 bytes on macOS and 108 on Linux; the rest is margin.
SOCKET_PATH_BYTES = 90
LOG_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DataHome:
    """Where one database lives. `home` is ours; inside it only `data` and `socket` belong to the database's account."""

    home: Path
    data_dir: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.home / "data"

    @property
    def admin_password(self) -> Path:
        """The superuser's password, written before `data` appears."""
        return self.home / "admin.password"

    @property
    def owner_password(self) -> Path:
        """The owner's password; its presence says that roles, database and extensions are in place."""
        return self.home / "owner.password"

    @property
    def log(self) -> Path:
        """PostgreSQL's log."""
        return self.home / "postgres.log"

    @property
    def life(self) -> Path:
        """Locked for as long as any process of this database lives."""
        return self.home / "life.lock"

    @property
    def turn(self) -> Path:
        """Locked by whoever is starting or stopping this database."""
        return self.home / "turn.lock"


def data_home_of(data_dir: Path) -> DataHome:
    """The place for a data folder; touches nothing. EmbeddedPostgresError when it is somebody else's."""
    resolved = data_dir.expanduser().resolve()
    home = _root_home(resolved) if os.geteuid() == 0 else resolved / "postgres"
    try:
        strange = home.lstat().st_uid != os.geteuid()
    except FileNotFoundError:
        strange = False
    except PermissionError:
        strange = True
    if strange:
        raise EmbeddedPostgresError(f"{home} belongs to another user: use that user, or another data folder.")
    return DataHome(home, resolved)


def _root_home(data_dir: Path) -> Path:
    """Named by an id that lies in the data folder: whoever deletes or moves the folder deletes or moves what names its database."""
    try:
        name = (data_dir / ID_FILE).read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        name = ""
    return ROOT_HOME.resolve() / (name if re.fullmatch(r"[0-9a-f]{16}", name) else "no-database")


def assign_id(data_dir: Path) -> None:
    """Give a data folder of root's its id, once; two starters at once agree on one."""
    if os.geteuid() != 0:
        return
    folder = data_dir.expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / ID_FILE
    if path.exists() or (folder / "postgres" / "data").exists():  # the latter is somebody else's, and `prepare` says so
        return
    draft = folder / f"{ID_FILE}.{os.getpid()}"
    draft.write_text(secrets.token_hex(8))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def prepare_home(place: DataHome) -> None:
    """Make the home folder, or check that the one that is there is ours; EmbeddedPostgresError when it is not.

    As root the home can be crossed (0711) by the database's account but nothing in it except `data` and `socket` is readable.
    """
    if os.geteuid() == 0:
        if (place.data_dir / "postgres" / "data").exists():
            raise EmbeddedPostgresError(f"The database in {place.data_dir} was not made by root: start the server as its own user.")
        _shared_folder(ROOT_HOME)
        _shared_folder(place.home)
        note = place.home / "data-folder"
        if not note.exists():
            note.write_text(f"{place.data_dir}\n", errors="surrogateescape")
        return
    if _root_home(place.data_dir).exists():
        raise EmbeddedPostgresError(f"The database of {place.data_dir} was made by root: start it as root, or use another data folder.")
    place.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_folder(place.home, OsUser(os.geteuid(), os.getegid()))


def _shared_folder(path: Path) -> None:
    """A folder of root's that others may cross and not list or write."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            raise EmbeddedPostgresError(f"{path} must be a folder that belongs to root and that only root can write.") from None
    else:
        path.chmod(0o711)


def private_folder(path: Path, account: OsUser) -> None:
    """Make a 0700 folder of the account, or check the one that is there; EmbeddedPostgresError for a stranger's or a link."""
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        if not _is_own_folder(path, account.uid):
            raise EmbeddedPostgresError(f"{path} must be a folder of the database's own user, not a link or somebody else's.") from None
        if path.lstat().st_mode & 0o077:
            path.chmod(0o700)


def _is_own_folder(path: Path, uid: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid


def socket_folder(place: DataHome) -> Path | None:
    """The folder of the socket, if it was made; touches nothing."""
    if _fits(place.home / "socket"):
        inside = place.home / "socket"
        return inside if inside.is_dir() else None
    try:
        return Path((place.home / "socket-folder").read_text(errors="surrogateescape").strip())
    except FileNotFoundError:
        return None


def make_socket_folder(place: DataHome, account: OsUser) -> Path:
    """The 0700 folder of the socket: inside the home, or, when that path is too long, a random name in the temporary folder.

    Only that name is kept, in the home: nobody can guess and occupy it. $XDG_RUNTIME_DIR is not used, since it vanishes at logout under a
    database that lives on.
    """
    if _fits(place.home / "socket"):
        private_folder(place.home / "socket", account)
        return place.home / "socket"
    known = socket_folder(place)
    if known is not None and _is_own_folder(known, account.uid) and not known.lstat().st_mode & 0o077:
        return known
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp: random name, 0700, never an existing folder
        if not _fits(Path(parent) / "cargo-ai-12345678"):
            continue
        made = Path(tempfile.mkdtemp(prefix="cargo-ai-", dir=parent))
        write_private(place.home / "socket-folder", str(made))
        return made
    raise EmbeddedPostgresError("No folder with a short path is there for the database's socket: set TMPDIR to one.")


def _fits(folder: Path) -> bool:
    # libpq splits hosts at commas and knows no escape for them.
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) < SOCKET_PATH_BYTES and "," not in str(folder) and '"' not in str(folder)


def write_private(path: Path, text: str, owner: OsUser | None = None) -> None:
    """Put a 0600 file in place at once and durably; as root it can be given to an account."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", errors="surrogateescape") as file:
        if owner is not None and os.geteuid() == 0:
            os.fchown(handle, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def change_owner(folder: Path, account: OsUser) -> None:
    """As root: give a data folder to the account. A volume outlives the image whose system user had another number."""
    if os.geteuid() != 0 or folder.lstat().st_uid == account.uid:
        return
    for _root, folders, files, handle in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(name, account.uid, account.gid, dir_fd=handle, follow_symlinks=False)
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def open_log(place: DataHome) -> int:
    """A descriptor that appends to the log; a log above 16 MB is moved to `.1` first."""
    if place.log.exists() and place.log.stat().st_size > LOG_BYTES:
        place.log.replace(place.log.with_name(f"{place.log.name}.1"))
    return os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def log_tail(place: DataHome) -> str:
    """The last five lines of the log, as the end of a message."""
    try:
        with place.log.open("rb") as file:
            file.seek(max(0, place.log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()[-5:]
    except FileNotFoundError:
        return f"There is no log in {place.log}."
    return "\n".join([f"The end of {place.log}:", *lines])


def erase(place: DataHome) -> None:
    """Delete everything in the place; the database must be stopped."""
    folder = socket_folder(place)
    if folder is not None and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    if place.home.is_dir():
        shutil.rmtree(place.home)
