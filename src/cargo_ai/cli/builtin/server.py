"""`cargo-ai server …`: start, stop and look after a server of one's own. The only command that loads the server's part."""

from __future__ import annotations

from cargo_ai.cli import output
from cargo_ai.cli.failure import failure, usage

HELP = """cargo-ai server: a server of your own.

Examples
  cargo-ai server start                  run in this terminal until Ctrl-C
  cargo-ai server start --detach         run in the background; returns when it is ready
  cargo-ai server status
  cargo-ai server stop

Commands
  start     Start the database, the API and the workers. On an empty database it makes a workspace, an admin and a token, which is
            shown only that once: {"baseUrl", "workspaceUuid", "token"}.
              --port N         8420 unless told (CARGO_AI_PORT); 0 takes any free one
              --host ADDRESS   127.0.0.1 unless told (CARGO_AI_HOST)
              --workers N      2 unless told
              --detach         return when it is ready; logs go to server.log in the data folder
            CARGO_AI_MAX_CONCURRENT_RUNS=N lets no more than N runs of a workspace go at once; others wait. No limit unless told.
  stop      Stop the server of the data folder: what is in flight finishes or parks first.
  status    Say whether it runs, and where.
  queue     Show everything that waits, how long and what for; work that nobody does is an alert (`orchestration queue get`).
  init      Make the database ready (migrations, first workspace and token) without starting a server.
  worker    Run one worker alone, for a second machine: needs CARGO_AI_DATABASE_URL and CARGO_AI_SECRET_KEY.
  migrate   Bring the database to this version's schema.

Everything is kept in CARGO_AI_DATA_DIR (~/.local/share/cargo-ai unless told). CARGO_AI_DATABASE_URL names a PostgreSQL of your own.
"""
VALUE_FLAGS = {"start": ("--port", "--host", "--workers")}
SWITCHES = {"start": ("--detach",)}
COMMANDS = ("start", "stop", "status", "queue", "init", "worker", "migrate")


def main(argv: list[str]) -> int:
    """Runs `cargo-ai server <argv>`; the exit code. Raises Failure; ImportError when the server's part is not installed."""
    if not argv or any(word in ("-h", "--help") for word in argv):
        output.print_text(HELP)
        return 0
    verb, *rest = argv
    if verb not in COMMANDS:
        raise usage("unknownCommand", f"There is no server command {verb!r}: it has {', '.join(COMMANDS)}.", "cargo-ai server --help")
    flags = _flags(verb, rest)
    # Late on purpose: the command line itself has no dependency.
    from cargo_ai.server.processes import command

    try:
        return command.run(verb, flags)
    except command.CommandRefused as refusal:
        raise failure(refusal.code, refusal.reason, str(refusal), refusal.fix) from None


def _flags(verb: str, words: list[str]) -> dict[str, str]:
    values, switches = VALUE_FLAGS.get(verb, ()), SWITCHES.get(verb, ())
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in switches and not equals:
            found[name] = "1"
        elif name in values:
            found[name] = value if equals else next(rest, "")
            if not found[name]:
                raise usage("missingValue", f"{name} needs a value.", f"cargo-ai server {verb} {name} VALUE")
        elif name in ("--no-input", "--quiet", "--debug", "--no-color"):
            found[name] = "1"
        else:
            known = ", ".join((*values, *switches)) or "none"
            raise usage("unknownFlag", f"server {verb} has no flag {word!r}; its flags: {known}.", "cargo-ai server --help")
    return found
