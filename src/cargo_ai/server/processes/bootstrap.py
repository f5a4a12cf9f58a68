"""The bootstrap: start and migrate the database and create the first workspace, before the server starts.

The supervisor has its database prepared by another process while it loads all that the second step needs. Other commands leave both steps
to one process. What only the second step needs is imported there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psycopg

from cargo_ai.kernel import ids, log
from cargo_ai.kernel import settings as environment
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.server.key_rotation.installation_key import KeyUnusable, key_file, secret_key
from cargo_ai.server.processes.start_state import FIRST_WORKSPACE, ONLY_DATABASE, StartState
from cargo_ai.store import migrate, private_files
from cargo_ai.store.embedded import postgres

if TYPE_CHECKING:
    from cargo_ai.store.session import Database


def database_url(settings: Settings) -> str:
    """The URL of the configured database, or of the embedded one, which is started when it does not run."""
    if settings.database_url:
        return settings.database_url
    private_files.make_folder(settings.data_dir)
    return postgres.start(settings.data_dir, fsync=not settings.no_fsync, programs=settings.postgres_bin).owner_url


class UnknownWorkspace(ValueError):
    """An admin's token was asked for in a workspace that this database does not have."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A database that runs and has the schema of this version. `is_new_key`: the secret key was made just now."""

    url: str
    is_new_key: bool


def prepare_database(settings: Settings) -> Prepared:
    """Start and migrate. It can be repeated, and run twice at once."""
    is_new_key = not (settings.secret_key or settings.database_url or key_file(settings).exists())
    secret_key(settings)
    url = database_url(settings)
    migrate.upgrade(url)
    return Prepared(url, is_new_key)


def complete(settings: Settings, prepared: Prepared, *, admin_token_of: str | None = None) -> StartState:
    """Check the key and the prices, and create the first workspace in an empty database. It can be repeated, and run twice at once.

    `admin_token_of`: also create a token of an admin of this workspace; FIRST_WORKSPACE: of the oldest. UnknownWorkspace.
    """
    from cargo_ai.domains.workspace import public
    from cargo_ai.server.price_names import check_price_names
    from cargo_ai.store.session import ALL_WORKSPACES, Database

    async def first() -> StartState:
        database = Database(prepared.url, name="cargo-ai bootstrap", pool_size=1)
        try:
            async with database.session(ALL_WORKSPACES) as session:
                await public.verify_key(session, secret_key(settings))
                workspace = await public.first_workspace(session)
                await session.commit()
            token = None
            if workspace is None:
                workspace, token = await _create_first_workspace(database)
            if admin_token_of is not None:
                workspace = workspace if admin_token_of == FIRST_WORKSPACE else ids.parse(admin_token_of)
                token = await _create_admin_token(database, workspace)
        finally:
            await database.close()
        return StartState(prepared.url, str(workspace or ""), token)

    check_price_names(settings)
    try:
        return asyncio.run(first())
    except WrongKey:
        if not prepared.is_new_key:
            raise
        # A key made just now is no use to anyone, and would be taken for the right one.
        key_file(settings).unlink(missing_ok=True)
        raise WrongKey(f"{key_file(settings)} is missing, and this database was encrypted with it: put it back from a backup.") from None


async def _create_first_workspace(database: Database) -> tuple[uuid.UUID | None, str | None]:
    """Its uuid, and a token where it was this process that has created it."""
    from cargo_ai.domains.workspace import public
    from cargo_ai.server.compose import hooks
    from cargo_ai.store.session import ALL_WORKSPACES

    async with database.session(ALL_WORKSPACES) as session:
        created = await public.bootstrap(session, hooks())
        workspace = created.workspace_uuid if created else await public.first_workspace(session)
        await session.commit()
    return workspace, created.token if created else None


async def _create_admin_token(database: Database, workspace: uuid.UUID | None) -> str:
    from cargo_ai.domains.workspace import public

    try:
        if workspace is None:
            raise LookupError(workspace)
        async with database.session(workspace) as session:
            token = await public.create_admin_token(session, workspace)
            await session.commit()
    except LookupError:
        raise UnknownWorkspace("This database has no such workspace: `cargo-ai server init` names the first one.") from None
    return token.value


def problem_of(error: Exception) -> tuple[int, str, str] | None:
    """(exit code, reason, sentence) of what can go wrong with a database or a setting; None for a bug."""
    if isinstance(error, (SettingsError, KeyUnusable, WrongKey)):
        return 2, "invalidSettings", str(error)
    if isinstance(error, UnknownWorkspace):
        return 2, "workspaceNotFound", str(error)
    if isinstance(error, postgres.EmbeddedPostgresError):
        return 1, "startFailed", str(error)
    if isinstance(error, (migrate.SchemaTooNew, migrate.SchemaTooOld)):
        return 1, "schemaMismatch", str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return (
            1,
            "startFailed",
            f"{error.filename} cannot be used: {error.strerror}. Is it writable, and is there room on the disk?",
        )
    if isinstance(error, psycopg.OperationalError):
        return 75, "databaseUnavailable", f"The database does not answer: {str(error).strip()[:300]}"
    return None


def main(asked: str | None = None) -> int:
    """Run the bootstrap and print its result as JSON. `asked`, or else the argument of the process: the workspace in which it creates a
    token of an admin, or ONLY_DATABASE."""
    configuration = environment.read()
    log.setup(debug=configuration.debug)
    asked = asked or next(iter(sys.argv[1:]), None)

    def both() -> StartState:
        return complete(configuration, prepare_database(configuration), admin_token_of=asked)

    return _print_result((lambda: prepare_database(configuration)) if asked == ONLY_DATABASE else both)


def _print_result(step: Callable[[], StartState | Prepared]) -> int:
    try:
        result = step()
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        code, reason, sentence = problem
        sys.stdout.write(json.dumps({"code": code, "reason": reason, "errorMessage": sentence}))
        return code
    sys.stdout.write(json.dumps(asdict(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
