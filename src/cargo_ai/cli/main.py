"""Entry point of the command line: find the command, run it, and turn every outcome into an exit code."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.cli.failure import Failure
    from cargo_ai.cli.words.commands import Match


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code. Nothing is raised but a second Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        code = _run_guarded(argv)
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  # None when fd 1 was closed by the caller
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader closed the pipe, as `| head` does
        return _drop_stdout(141)
    except OSError as error:  # stdout cannot be written, for example on a full disk
        print(f"error: cannot write the output: {error.strerror}", file=sys.stderr)
        return _drop_stdout(1)


def _drop_stdout(code: int) -> int:
    """Redirect stdout to /dev/null, so that the interpreter's last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def _run_guarded(argv: list[str]) -> int:
    if argv == ["--version"]:  # scripts ask at every start: nothing is imported for it
        return _version()
    from cargo_ai.cli.failure import Failure

    try:
        return dispatch(argv)
    except Failure as refusal:
        return _show(refusal)
    except KeyboardInterrupt:
        from cargo_ai.cli.failure import INTERRUPTED, failure

        return _show(failure(INTERRUPTED, "interrupted", "Interrupted."))
    except BrokenPipeError:
        raise
    except RecursionError:
        from cargo_ai.cli.arguments.value import NESTED
        from cargo_ai.cli.failure import usage

        return _show(usage("invalidJson", f"The JSON given is nested too deeply; {NESTED}"))
    except Exception as error:
        from cargo_ai.cli.failure import FAILED, failure

        if "--debug" in argv:
            import traceback

            traceback.print_exc()
        sentence = f"Something unexpected went wrong in the command line itself: {type(error).__name__}: {error}. --debug shows where."
        return _show(failure(FAILED, "internal", sentence))


def _show(refusal: Failure) -> int:
    from cargo_ai.cli.output import print_document

    if refusal.document.get("errorMessage"):  # empty: reported on stderr, because stdout holds part of a download
        print_document(refusal.document)
    return refusal.code


def _version() -> int:
    from cargo_ai import __version__

    print(__version__)
    return 0


def dispatch(argv: list[str]) -> int:
    """Run the command that the arguments name and return its exit code. Raises Failure."""
    from cargo_ai.cli.failure import Failure
    from cargo_ai.cli.words.commands import before_dashes, find

    if argv[:1] == ["__complete"]:
        from cargo_ai.cli.builtin.completion import complete

        return complete(argv[1:])
    try:
        match = find(argv)
    except Failure as refusal:  # the name of an alias is not a command: only then its file is read
        from cargo_ai.cli.configuration.aliases import expand

        expanded = expand(argv)
        if expanded is argv or refusal.document.get("reason") not in ("unknownCommand", "notBuiltYet"):
            raise
        argv, match = expanded, find(expanded)
    if match.words == ["server"]:
        return _server(match.rest)
    flags = before_dashes(match.rest)
    if match.words == ["help"]:
        return _help(argv, match)
    if "--help" in flags or "-h" in flags:
        from cargo_ai.cli.help import show

        return show(match, "--no-color" in flags)
    if "--version" in flags and not (match.row and any("--version" in arg["flags"] for arg in match.row["args"])):
        return _version()
    if match.kind == "builtin":
        from cargo_ai.cli.arguments.parse import parse
        from cargo_ai.cli.builtin import builtin_module

        module = builtin_module(match.words[0])
        return module.run(parse(module.ROW, match.words, match.rest))
    if match.row is None:
        return _incomplete(match)
    from cargo_ai.cli.arguments.parse import parse
    from cargo_ai.cli.run import run_row

    parsed = parse(match.row, match.words, match.rest)
    try:
        return run_row(match.row, parsed)
    except Failure as refusal:
        from cargo_ai.cli.words.in_flags import in_flags

        in_flags(match.row, refusal.document)
        raise


def _help(argv: list[str], match: Match) -> int:
    from cargo_ai.cli.help import show
    from cargo_ai.cli.words.commands import find

    words = [word for word in argv[argv.index("help") + 1 :] if not word.startswith("-")]
    return show(find(words), "--no-color" in match.rest)


def _incomplete(match: Match) -> int:
    """Show the help of a group for words that stop before a command; Failure for flags that no command has."""
    from cargo_ai.cli.failure import shell_line, usage
    from cargo_ai.cli.help import show
    from cargo_ai.cli.words.commands import GLOBAL_SWITCHES, GLOBAL_VALUES

    loose = [word for word in match.rest if word.startswith("-") and word.partition("=")[0] not in (*GLOBAL_SWITCHES, *GLOBAL_VALUES)]
    if loose:
        typed = " ".join(["cargo-ai", *match.words])
        raise usage("unknownFlag", f'"{typed}" has no flag {loose[0]}: a command must come first.', shell_line([*match.words, "--help"]))
    return show(match, "--no-color" in match.rest, short=True)


def _server(rest: list[str]) -> int:
    if rest[:1] == ["queue"] and "-h" not in rest and "--help" not in rest:
        return dispatch(["orchestration", "queue", "get", *rest[1:]])
    from cargo_ai.cli.builtin import run_server_command

    return run_server_command(rest)
