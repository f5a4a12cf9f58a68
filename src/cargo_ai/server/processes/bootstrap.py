"""The bootstrap process: start and migrate the database and create the first workspace, before the server starts."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from contextlib import suppress

import psycopg

from cargo_ai.domains.workspace import public
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.kernel import ids, log
from cargo_ai.kernel import settings as environment
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.server.compose import KeyUnusable, hooks, key_file, secret_key
from cargo_ai.server.processes.start_state import FIRST_WORKSPACE, LEAVE_WORKSPACE, StartState
from cargo_ai.store import migrate, private_files
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.embedded import postgres
from cargo_ai.store.session import ALL_WORKSPACES, Database

CONNECT_SECONDS = 5


def database_url(settings: Settings) -> str:
    """The URL of the configured database, or of the embedded one, which is started when it does not run."""
    if settings.database_url:
        return settings.database_url
    private_files.make_folder(settings.data_dir)
    return postgres.start(settings.data_dir, fsync=not settings.no_fsync, programs=settings.postgres_bin).owner_url


class UnknownWorkspace(ValueError):
    """An admin's token was asked for in a workspace that this database does not have."""


def bootstrap(settings: Settings, *, admin_token_of: str | None = None, leave_workspace: bool = False) -> StartState:
    """Start, migrate, check the key, and create the first workspace in an empty database. It can be repeated, and run twice at once.

    `admin_token_of`: also create a token of an admin of this workspace; FIRST_WORKSPACE: of the oldest. UnknownWorkspace.
    `leave_workspace`: the first workspace is left to `create_first_workspace`, and has no name in the result until then.
    """
    is_new_key = not (settings.secret_key or settings.database_url or key_file(settings).exists())
    key = secret_key(settings)
    url = database_url(settings)
    migrate.upgrade(url)

    async def first() -> StartState:
        database = Database(url, name="cargo-ai bootstrap", pool_size=1)
        try:
            async with database.session(ALL_WORKSPACES) as session:
                await public.verify_key(session, key)
                workspace = await public.first_workspace(session)
                await session.commit()
            token = None
            if workspace is None and not leave_workspace:
                workspace, token = await _create_first_workspace(database)
            if admin_token_of is not None:
                workspace = workspace if admin_token_of == FIRST_WORKSPACE else ids.parse(admin_token_of)
                token = await _create_admin_token(database, workspace)
        finally:
            await database.close()
        return StartState(url, str(workspace or ""), token)

    try:
        return asyncio.run(first())
    except WrongKey:
        if not is_new_key:
            raise
        # A key made just now is no use to anyone, and would be taken for the right one.
        key_file(settings).unlink(missing_ok=True)
        raise WrongKey(f"{key_file(settings)} is missing, and this database was encrypted with it: put it back from a backup.") from None


def create_first_workspace(start_state: StartState) -> StartState:
    """The same with the first workspace, for a process that has loaded all domains anyway, which takes as long as the rest of a start."""

    async def create() -> StartState:
        database = Database(start_state.url, name="cargo-ai bootstrap", pool_size=1)
        try:
            workspace, token = await _create_first_workspace(database)
        finally:
            await database.close()
        return StartState(start_state.url, str(workspace), token)

    return asyncio.run(create())


def use_libraries(url: str) -> None:
    """Do once what each process does when it begins: keys, the queue, a connection, a statement. Much of what that makes for the first
    time, libraries keep: a process that is forked afterwards need not make it, and has no copy of its own.
    """

    async def ask() -> None:
        database = Database(url, name="cargo-ai bootstrap", pool_size=1)
        try:
            async with database.session(ALL_WORKSPACES) as session:
                await public.first_workspace(session)
        finally:
            await database.close()

    SecretKey(bytes(32))
    Queue()
    with suppress(TimeoutError, *DATABASE_UNAVAILABLE):
        asyncio.run(asyncio.wait_for(ask(), CONNECT_SECONDS))


async def _create_first_workspace(database: Database) -> tuple[uuid.UUID | None, str | None]:
    """Its uuid, and a token where it was this process that has created it."""
    async with database.session(ALL_WORKSPACES) as session:
        created = await public.bootstrap(session, hooks())
        workspace = created.workspace_uuid if created else await public.first_workspace(session)
        await session.commit()
    return workspace, created.token if created else None


async def _create_admin_token(database: Database, workspace: uuid.UUID | None) -> str:
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


def main() -> int:
    """Run the bootstrap and print its result as JSON. An argument: the workspace in which it creates a token of an admin, or
    LEAVE_WORKSPACE."""
    configuration = environment.read()
    log.setup(debug=configuration.debug)
    try:
        asked = next(iter(sys.argv[1:]), None)
        leave_workspace = asked == LEAVE_WORKSPACE
        state = bootstrap(configuration, admin_token_of=None if leave_workspace else asked, leave_workspace=leave_workspace)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        code, reason, sentence = problem
        sys.stdout.write(json.dumps({"code": code, "reason": reason, "errorMessage": sentence}))
        return code
    sys.stdout.write(json.dumps({"url": state.url, "workspace": state.workspace, "token": state.token}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
