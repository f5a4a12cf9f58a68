"""`cargo-ai server …`: start, stop and inspect a server on this machine. The only command that imports the server."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.failure import failure, usage

HELP = """cargo-ai server: run a server on this machine.

Examples
  cargo-ai server start                  run in this terminal until Ctrl-C
  cargo-ai server start --detach         run in the background; returns when it is ready
  cargo-ai server status
  cargo-ai server stop

Commands
  start     Start the database, the API and the workers. On an empty database, create a workspace, an admin and a token, which is
            shown only once: {"baseUrl", "workspaceUuid", "token"}.
              --port N         8420 by default (CARGO_AI_PORT); 0: any free port
              --host ADDRESS   127.0.0.1 by default (CARGO_AI_HOST)
              --api N          how many processes answer requests; by default 1, with four cores or more one for every two (4 at most)
              --workers N      2 by default; 0: the API alone, with an external database and workers of their own
              --detach         return when the server is ready; logs go to server.log in the data folder
              --adopt          take over the database of a data folder that was moved, or whose database.id was damaged (root)
            CARGO_AI_MAX_CONCURRENT_RUNS=N: at most N runs of a workspace at once; others wait. No limit by default.
  stop      Stop the server of the data folder; runs in flight finish or park first.
  status    Show whether the server runs and can do its work, and where; exit code 75 and the fix where it cannot.
  logs      Print the end of server.log, which a detached server writes.
              --tail N    how many lines; 100 by default
              --follow    go on with what comes, until Ctrl-C
  queue     Show all waiting runs, and alerts where no worker serves them (as `orchestration queue get`).
  init      Prepare the database (migrations, first workspace and token) without starting a server.
              --admin-token          create a token of an admin and show it once: the way back in when all tokens are lost. While
                                     the server runs or not; only for who may read the data folder
              --workspace-uuid UUID  in this workspace; by default in the first
  worker    Run one worker without a server, for a second machine; needs CARGO_AI_DATABASE_URL and CARGO_AI_SECRET_KEY.
  migrate   Migrate the database to the schema of this version.
  integration serve SLUG
            Serve one of the integrations of this version over HTTP, by the protocol of custom integrations; no database is needed. Prints
            {"baseUrl", "integration", "token"}: callers need the token, as a bearer token or as the secret that they sign with.
              --port N           any free port by default
              --host ADDRESS     127.0.0.1 by default
              --token-file PATH  its first line is the token; - reads it from standard input. By default a new one is made and shown
  backup FILE
            Write database, files and secret key into one encrypted file, while the server runs or not.
              --passphrase-file PATH  its first line is the passphrase; - reads it from standard input. Else CARGO_AI_BACKUP_PASSPHRASE.
  restore FILE
            Restore a backup into an empty data folder (and an empty database, with CARGO_AI_DATABASE_URL). The restored server goes on
            with all unfinished work as soon as it is started: do not start it beside the original.
              --passphrase-file PATH  as for backup
  rotate-key
            Replace the secret key: a new one is made, all that is sealed is sealed with it, and the former one is forgotten. Stop the
            server before; run it again when it was cut off. With CARGO_AI_SECRET_KEY: set that to a new key and
            CARGO_AI_FORMER_SECRET_KEY to the present one on every machine, restart them, run this, and take the former one away.
  doctor    Look this machine and its database over: settings, data folder, disk, key, sandbox, network, rights, hardening, clock,
            schema, workers; each with its fix. Exit code 1 where something is wrong. It changes nothing.

All data is stored in CARGO_AI_DATA_DIR (~/.local/share/cargo-ai by default). CARGO_AI_DATABASE_URL: use this PostgreSQL instead of
the embedded one.
"""
VALUE_FLAGS = {
    "start": ("--port", "--host", "--api", "--workers"),
    "logs": ("--tail",),
    "init": ("--workspace-uuid",),
    "integration serve": ("--port", "--host", "--token-file"),
    "backup": ("--passphrase-file",),
    "restore": ("--passphrase-file",),
}
SWITCHES = {"start": ("--detach", "--adopt"), "init": ("--admin-token",), "logs": ("--follow",)}
ARGUMENTS = {"backup": "FILE", "restore": "FILE", "integration serve": "SLUG"}
NEEDED = {"FILE": "the path of the backup", "SLUG": "the slug of an integration"}
COMMANDS = (
    "start",
    "stop",
    "status",
    "logs",
    "queue",
    "init",
    "worker",
    "migrate",
    "integration",
    "backup",
    "restore",
    "rotate-key",
    "doctor",
)


def main(argv: list[str]) -> int:
    """Run `cargo-ai server <argv>` and return its exit code. Raises Failure; ImportError when the server is not installed."""
    if not argv or any(word in ("-h", "--help") for word in argv):
        output.print_text(HELP)
        return 0
    verb, *rest = argv
    if verb not in COMMANDS:
        raise usage("unknownCommand", f"There is no server command {verb!r}: it has {', '.join(COMMANDS)}.", "cargo-ai server --help")
    if verb == "integration":
        if rest[:1] != ["serve"]:
            raise usage("unknownCommand", "server integration has one command: serve.", "cargo-ai server --help")
        verb, rest = "integration serve", rest[1:]
    flags = _flags(verb, rest)
    # Late on purpose: the command line itself has no dependency.
    from cargo_ai.server.processes.commands import command

    try:
        return command.run(verb, flags)
    except command.CommandRefused as refusal:
        raise failure(refusal.code, refusal.reason, str(refusal), refusal.fix) from None


def _flags(verb: str, words: list[str]) -> dict[str, str]:
    values, switches = VALUE_FLAGS.get(verb, ()), SWITCHES.get(verb, ())
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in switches and not equals:
            flags[name] = "1"
        elif name in values:
            flags[name] = value if equals else next(rest, "")
            if not flags[name]:
                raise usage("missingValue", f"{name} needs a value.", f"cargo-ai server {verb} {name} VALUE")
        elif verb in ARGUMENTS and ARGUMENTS[verb] not in flags and not word.startswith("-"):
            flags[ARGUMENTS[verb]] = word
        elif name in ("--no-input", "--quiet", "--debug", "--no-color"):
            flags[name] = "1"
        else:
            known = ", ".join((*values, *switches)) or "none"
            raise usage("unknownFlag", f"server {verb} has no flag {word!r}; its flags: {known}.", "cargo-ai server --help")
    if verb in ARGUMENTS and ARGUMENTS[verb] not in flags:
        raise usage("missingArgument", f"server {verb} needs {NEEDED[ARGUMENTS[verb]]}.", f"cargo-ai server {verb} --help")
    return flags
