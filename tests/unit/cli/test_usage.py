"""What is said about a command line before anything is sent."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cargo_ai.cli.arguments.parse import parse
from cargo_ai.cli.builtin import builtin_module, run_server_command
from cargo_ai.cli.failure import Failure
from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import Cli

BATCH = ("orchestration", "batch", "create")


def test_no_arguments_print_a_short_help_and_exit_0(signed_out: Cli) -> None:
    result = signed_out()
    assert result.code == 0
    assert "orchestration" in result.out and "login" in result.out
    assert len(result.out.splitlines()) < 30


@pytest.mark.parametrize(
    "words", [(), ("orchestration",), ("orchestration", "batch"), BATCH, ("login",), ("workspaceManagement", "file", "upload")]
)
def test_help_at_every_level_shows_examples_before_the_rest(signed_out: Cli, words: tuple[str, ...]) -> None:
    result = signed_out(*words, "-h")
    assert result.code == 0 and result.err == ""
    lines = result.out.splitlines()
    assert lines[2] == "Examples" and lines[3].startswith("  cargo-ai ")


def test_command_help_names_types_requirements_and_reasons(signed_out: Cli) -> None:
    out = signed_out("help", *BATCH).out
    assert "--data JSON" in out and "(required)" in out
    assert "workflowNotFound" in out and "--wait-until-finished" in out and "--idempotency-key" in out


def test_help_wins_over_a_wrong_flag_beside_it(signed_out: Cli) -> None:
    assert signed_out(*BATCH, "--nope", "--help").out == signed_out(*BATCH, "-h").out


def test_version_is_plain_text_anywhere_in_the_line(signed_out: Cli) -> None:
    from cargo_ai import __version__

    for args in (("--version",), (*BATCH, "--version"), ("--version", "login")):
        result = signed_out(*args)
        assert (result.code, result.out) == (0, __version__ + "\n")


def test_version_belongs_to_a_command_that_has_such_a_flag(cli: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/releases/draft/deploy", {"release": {}})
    assert cli("orchestration", "draft-release", "deploy", "--workflow-uuid", "w", "--version", "2.0.0").code == 0
    assert api.requests[0].json == {"workflowUuid": "w", "version": "2.0.0"}


def test_a_flag_is_found_by_a_word_of_its_name(signed_out: Cli) -> None:
    del signed_out.env["CARGO_AI_CLI_INDEX"]
    result = signed_out("storage", "record", "ingest", "--filename", "a.csv")
    assert result.code == 2 and "Did you mean --s3-filename" in result.json["errorMessage"]


def test_a_flag_that_has_another_form_says_which(signed_out: Cli) -> None:
    del signed_out.env["CARGO_AI_CLI_INDEX"]
    result = signed_out("segmentation", "segment", "download", "--segment-uuid", "EU")
    assert result.code == 2 and '"kind":"segment","operator":"in"' in result.json["errorMessage"]


def test_version_and_short_help_import_next_to_nothing(signed_out: Cli) -> None:
    heavy = {"argparse", "typing", "http.client", "urllib.parse", "ssl", "email", "pathlib", "difflib", "uuid", "subprocess"}
    for args in (["--version"], [*BATCH, "--help"]):
        code = f"import sys; from cargo_ai.cli.main import main; main({args!r}); print(sorted(sys.modules), file=sys.stderr)"
        done = subprocess.run(
            [sys.executable, "-S", "-c", code], env={**signed_out.env, "PYTHONPATH": _source()}, capture_output=True, check=True
        )
        loaded = set(done.stderr.decode().strip("[]\n").replace("'", "").split(", "))
        assert not heavy & loaded


def _source() -> str:
    import cargo_ai

    return str(Path(str(cargo_ai.__file__)).parents[1])


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        (("orchestration", "batch", "creat"), "cargo-ai orchestration batch create"),
        (("orchestrate", "batch", "get", "b-1"), "cargo-ai orchestration batch get b-1"),
        (("batch", "list", "--limit", "5"), "cargo-ai orchestration batch list --limit 5"),
        (("batches", "list"), "cargo-ai orchestration batch list"),
        (("files", "upload", "--file", "a.csv"), "cargo-ai workspace file upload --file a.csv"),
        (("orchestration", "upload"), None),
        (("orchestration", "zzz", "create"), None),
        (("lgoin", "--token", "secret"), "cargo-ai login"),
    ],
)
def test_an_unknown_command_exits_2_with_the_nearest_one(signed_out: Cli, typed: tuple[str, ...], fix: str | None) -> None:
    result = signed_out(*typed)
    assert result.code == 2 and result.json["reason"] == "unknownCommand"
    if fix is None:
        assert "There is: batch, draft-release, node, release, run." in result.json["errorMessage"]
    else:
        assert result.json["fix"] == fix and "Did you mean" in result.json["errorMessage"]
    assert "secret" not in result.out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("workspace", "token", "remove-al", "a"), "workspace token remove-all"),
        (("token", "remove-all", "a"), "workspace token remove-all"),
    ],
)
def test_what_takes_something_away_is_named_and_is_no_fix(signed_out: Cli, typed: tuple[str, ...], meant: str) -> None:
    result = signed_out(*typed)
    assert meant in result.json["errorMessage"] and "fix" not in result.json


@pytest.mark.parametrize("typed", [("server", "backup"), ("server", "restore"), ("login", "--no-input")])
def test_a_fix_holds_no_word_to_fill_in(signed_out: Cli, typed: tuple[str, ...]) -> None:
    fix = signed_out(*typed).json.get("fix", "")
    assert not any(word.isupper() for word in fix.split()), fix


@pytest.mark.parametrize("typed", [("ai",), ("ai", "agent", "lst"), ("ai", "agent", "list", "--limit", "3"), ("billing", "anything")])
def test_what_is_not_built_yet_is_said_so(signed_out: Cli, typed: tuple[str, ...]) -> None:
    result = signed_out(*typed)
    assert result.code == 2 and result.json["reason"] == "notBuiltYet" and "does not have." in result.json["errorMessage"]


@pytest.mark.parametrize("typed", ["revenueOrganization member list", "revenue-organization member list", "domainManagement domain list"])
def test_what_is_not_served_says_what_there_is_instead(cli: Cli, typed: str) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    result = cli(*typed.split())
    assert (result.code, result.json["reason"]) == (2, "notBuiltYet")
    assert result.json["errorMessage"].count("cargo-ai ") == 3, "the command, the public one, and what there is here"


@pytest.mark.parametrize("flag", ["--fields", "--tokn", "--ys", "--es"])
def test_no_flag_that_gives_consent_or_holds_a_secret_is_suggested(cli: Cli, flag: str) -> None:
    result = cli("orchestration", "batch", "get", "b-1", flag)
    assert result.code == 2 and not {"--yes", "--token", "--no-input"} & set(result.out.replace('"', " ").replace("?", " ").split())


def test_an_unknown_flag_exits_2_with_the_nearest_one_and_is_never_run(cli: Cli, api: FakeApi) -> None:
    result = cli(*BATCH, "--workflw-uuid=w 1", "--data", "{}")
    assert result.code == 2 and result.json["reason"] == "unknownFlag"
    assert result.json["fix"] == "cargo-ai orchestration batch create '--workflow-uuid=w 1' --data '{}'"
    assert api.requests == []


def test_a_missing_flag_is_named_with_an_example(cli: Cli, api: FakeApi) -> None:
    result = cli(*BATCH)
    assert result.code == 2 and "--data JSON" in result.json["errorMessage"] and "For example: cargo-ai" in result.json["errorMessage"]
    assert cli("orchestration", "batch", "get").json["errorMessage"].startswith('"cargo-ai orchestration batch get" needs <uuid>')
    assert api.requests == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--data", "{}", "--concurrency", "1.5"), "whole number"),
        (("--data", "{}", "--concurrency", "1_0"), "whole number"),
        (("--data", "{}", "--ratio", "nan"), "a number"),
        (("--data", "{}", "--is-dry-run=maybe"), "true or false"),
        (("--data", "{nope"), "not valid JSON"),
        (("--data", '{"a": NaN}'), "not valid JSON"),
        (("--data", '{"a": 1e999}'), "the number 1e999 is too large"),
        (("--data", '{"a": ' + "9" * 5_000 + "}"), "the number 99999999999999999… is too large"),
        (("--data", '{"a": "\\uD83d"}'), "half of a character"),
        (("--data", "{}", "--concurrency", "9" * 30), "a smaller number: this one has 30 digits"),
        (("--data", "@absent.json"), "cannot read"),
        (("--data",), "needs a value"),
        (("--data", "--concurrency", "1"), "needs a value"),
        (("--data", "{}", "stray"), "Unexpected argument"),
        (("--data", "{}", "--wait-until-finished", "maybe"), '--wait-until-finished takes true or false, not "maybe".'),
        (("--data", "{}", "--wait"), "Did you mean --wait-until-finished?"),
        (("--data", "-", "--nodes", "-"), "standard input"),
        (("--data", "{}", "--timeout", "0"), "above 0"),
        (("--data", "{}", "--polling-interval", "0"), "above 0"),
        (("--data", "{}", "--exit-status"), "--wait-until-finished"),
    ],
)
def test_a_wrong_value_exits_2_and_says_what_is_taken(cli: Cli, api: FakeApi, args: tuple[str, ...], said: str) -> None:
    result = cli(*BATCH, *args, stdin=b"{}")
    assert result.code == 2 and said in result.json["errorMessage"]
    assert api.requests == [] and result.err == ""


@pytest.mark.parametrize("words", [("--yes", *BATCH), (*BATCH, "--yes"), BATCH])
def test_a_value_without_the_only_flag_that_is_missing_names_that(cli: Cli, api: FakeApi, words: tuple[str, ...]) -> None:
    result = cli(*words, '[{"n":1}]')
    assert (result.code, result.json["errorMessage"]) == (2, 'Unexpected argument "[{"n":1}]": it has to follow --data.')
    assert api.requests == []


def test_a_value_outside_the_allowed_ones_names_them(cli: Cli) -> None:
    single = cli("workspace", "folder", "create", "--name", "n", "--emoji-slug", "e", "--kind", "plays")
    assert (
        single.code == 2
        and "play, tool, agent or file" in single.json["errorMessage"]
        and "Did you mean play" in single.json["errorMessage"]
    )
    listed = cli("orchestration", "batch", "list", "--statuses", "error,sucess")
    assert listed.code == 2 and "Did you mean success" in listed.json["errorMessage"]


def test_a_file_name_given_as_json_is_met_with_the_at_sign(cli: Cli) -> None:
    (cli.cwd / "batch.json").write_text("{}")
    assert "--data @batch.json" in cli(*BATCH, "--data", "batch.json").json["errorMessage"]


def test_an_empty_uuid_in_a_path_is_refused(cli: Cli, api: FakeApi) -> None:
    assert cli("orchestration", "batch", "get", "").code == 2
    assert api.requests == []


def test_a_flag_before_a_command_is_complete_is_refused(signed_out: Cli) -> None:
    result = signed_out("orchestration", "batch", "--foo")
    assert result.code == 2 and result.json["reason"] == "unknownFlag"


def test_the_server_command_names_the_extra_when_it_cannot_be_imported(signed_out: Cli) -> None:
    missing = "import sys; sys.modules['cargo_ai.cli.builtin.server'] = None"
    blocker = f"{missing}; from cargo_ai.cli.main import main; sys.exit(main(['server', 'start']))"
    done = subprocess.run([sys.executable, "-c", blocker], env=signed_out.env, capture_output=True, check=False)
    assert done.returncode == 1 and b"pip install 'cargo-ai[server]'" in done.stdout and done.stderr == b""


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("~/.local/share/pipx/venvs/cargo-ai", "pipx install --force 'cargo-ai[server]'"),
        ("~/.local/share/uv/tools/cargo-ai", "uv tool install --force 'cargo-ai[server]'"),
        ("~/.venv", "pip install 'cargo-ai[server]'"),
    ],
)
def test_the_servers_part_is_installed_by_what_installed_the_command(monkeypatch: pytest.MonkeyPatch, prefix: str, command: str) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setitem(sys.modules, "cargo_ai.cli.builtin.server", None)
    with pytest.raises(Failure) as refused:
        run_server_command(["start"])
    assert refused.value.document["fix"] == command


def test_an_unexpected_error_is_one_json_document_without_a_traceback(signed_out: Cli, tmp_path: Path) -> None:
    broken = tmp_path / "index"
    broken.mkdir()
    (broken / "_root.json").write_text("not json")
    result = signed_out("orchestration", CARGO_AI_CLI_INDEX=str(broken))
    assert result.code == 1 and result.json["reason"] == "internal" and result.err == ""
    assert "Traceback" in signed_out("orchestration", "--debug", CARGO_AI_CLI_INDEX=str(broken)).err


HAND_EXAMPLES = [
    (name, example)
    for name in ("login", "logout", "whoami", "doctor", "api", "completion", "version")
    for example in builtin_module(name).ROW["examples"]
]


@pytest.mark.parametrize(("name", "example"), HAND_EXAMPLES, ids=lambda value: str(value))
def test_every_example_of_a_hand_written_command_parses(name: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{}")))
    words = shlex.split(re.split(r" [<>|] ", example.removeprefix('eval "$(').removesuffix(')"'))[0])
    for word in words:
        if word.startswith("@"):
            (tmp_path / word[1:]).write_text("{}", "utf-8")
    if words[1] != name:  # `--version`, which is not a command
        assert words == ["cargo-ai", "--version"]
        return
    parse(builtin_module(name).ROW, [name], words[2:])


def test_completion_offers_words_flags_and_values(signed_out: Cli) -> None:
    def words(*args: str) -> list[str]:
        return [line.split("\t")[0] for line in signed_out("__complete", *args).out.splitlines()]

    assert "orchestration" in words("orch") and "login" in words("")
    assert words("orchestration", "b") == ["batch"]
    assert "create" in words("orchestration", "batch", "")
    assert "--workflow-uuid" in words(*BATCH, "--work")
    assert words("workspace", "folder", "create", "--kind", "t") == ["tool"]
    assert words("completion", "z") == ["zsh"]
    assert words("serv") == ["server"]
    assert words("server", "st") == ["start", "stop", "status"]
    assert "--port" in words("server", "start", "--") and words("server", "start", "--port", "") == []
    assert words("nonsense", "x") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(signed_out: Cli, shell: str) -> None:
    result = signed_out("completion", shell)
    assert result.code == 0 and "cargo-ai __complete" in result.out


def test_the_bash_script_completes_in_a_real_bash(signed_out: Cli) -> None:
    import shutil

    if not shutil.which("bash"):
        pytest.skip("no bash")
    script = (
        f'cargo-ai() {{ {sys.executable} -m cargo_ai "$@"; }}; source <(cargo-ai completion bash); '
        'COMP_WORDS=(cargo-ai orchestration ba); COMP_CWORD=2; _cargo_ai; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], env=signed_out.env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "batch"
