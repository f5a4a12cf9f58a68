"""Where token, server and workspace come from, and where the token never goes."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, fake_api
from tests.unit.cli.cli_process import TOKEN, WORKSPACE, Cli

LIST = ("orchestration", "batch", "list")
LISTED = "/v1/orchestration/batches/list"


def test_login_saves_the_token_privately_and_prints_who_you_are(signed_out: Cli, api: FakeApi) -> None:
    result = signed_out("login", "--token", TOKEN, "--base-url", api.url + "/v1/")
    assert result.code == 0 and result.err == ""
    user = {"uuid": "u-1", "email": "ada@example.com"}
    assert result.json == {"user": user, "workspace": {"uuid": WORKSPACE, "name": "Acme"}, "baseUrl": api.url}
    assert stat.S_IMODE(signed_out.credentials.stat().st_mode) == 0o600
    saved = json.loads(signed_out.credentials.read_text())
    assert (saved["accessToken"], saved["baseUrl"], saved["workspaceUuid"]) == (TOKEN, api.url, WORKSPACE)
    known = {WORKSPACE: {"accessToken": TOKEN, "name": "Acme"}}
    assert saved["servers"] == {api.url: {"accessToken": TOKEN, "workspaceUuid": WORKSPACE, "workspaces": known}}
    assert [path.name for path in signed_out.credentials.parent.iterdir()] == ["credentials.json"]
    assert signed_out("whoami").json == result.json
    assert api.requests[-1].headers["selected-workspace-uuid"] == WORKSPACE


@pytest.mark.parametrize("way", ["stdin", "file", "environment"])
def test_the_token_also_comes_from_stdin_a_file_or_the_environment(signed_out: Cli, api: FakeApi, way: str) -> None:
    (signed_out.cwd / "token").write_text(TOKEN + "\n")
    args = {"stdin": ("--token", "-"), "file": ("--token-file", "token"), "environment": ()}[way]
    env = {"CARGO_API_TOKEN": TOKEN} if way == "environment" else {}
    assert signed_out("login", *args, "--base-url", api.url, stdin=b" " + TOKEN.encode() + b"\n", **env).code == 0
    assert json.loads(signed_out.credentials.read_text())["accessToken"] == TOKEN


def test_a_wrong_token_exits_4_and_saves_nothing(signed_out: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/workspaceManagement/users/current", Answer(401, {"errorMessage": "Unknown token.", "reason": "unauthorized"}))
    result = signed_out("login", "--token", TOKEN, "--base-url", api.url)
    assert result.code == 4 and result.json["errorMessage"] == "Unknown token."
    assert not signed_out.credentials.exists()


def test_a_workspace_that_does_not_match_exits_4_and_saves_nothing(signed_out: Cli, api: FakeApi) -> None:
    assert signed_out("login", "--token", TOKEN, "--base-url", api.url, "--workspace-uuid", "other").code == 4
    assert not signed_out.credentials.exists()
    assert signed_out("login", "--token", TOKEN, "--base-url", api.url, "--workspace-uuid", WORKSPACE).code == 0


def test_the_name_of_a_workspace_chooses_none_with_a_token(signed_out: Cli, api: FakeApi) -> None:
    result = signed_out("login", "--token", TOKEN, "--base-url", api.url, "--workspace-name", "Other")
    assert result.code == 0 and "--workspace-name has no effect" in result.err


def test_a_token_without_its_flag_is_not_repeated(signed_out: Cli) -> None:
    result = signed_out("login", TOKEN)
    assert result.code == 2 and "--token" in result.json["errorMessage"]
    assert TOKEN not in result.out + result.err


def test_a_stale_workspace_of_the_environment_does_not_hinder_login(signed_out: Cli, api: FakeApi) -> None:
    assert signed_out("login", "--token", TOKEN, "--base-url", api.url, CARGO_WORKSPACE_UUID="old").code == 0
    assert all("selected-workspace-uuid" not in request.headers for request in api.requests)


def welcoming(api: FakeApi, path: str, token: str = TOKEN, workspace: str = WORKSPACE, name: str = "Acme") -> None:
    """Let the scripted server sign people in there."""
    api.on("POST", path, Answer(200, {"status": "done", "token": token, "workspace": {"uuid": workspace, "name": name}}))


def test_a_code_by_e_mail_is_asked_for_and_then_signs_in(signed_out: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/login/email", Answer(200, {"sent": True, "email": "a@b.c"}))
    welcoming(api, "/v1/login/email/code")
    asked = signed_out("login", "--email", "a@b.c", "--base-url", api.url)
    assert asked.code == 0 and asked.json["sent"] and "--code CODE" in asked.json["fix"] and not signed_out.credentials.exists()
    result = signed_out("login", "--email", "a@b.c", "--code", "-", "--base-url", api.url, stdin=b"1234 5678\n")
    assert result.code == 0 and result.json["workspace"]["uuid"] == WORKSPACE
    assert api.requests[1].json == {"email": "a@b.c", "code": "1234 5678", "workspaceUuid": None}
    assert json.loads(signed_out.credentials.read_text())["accessToken"] == TOKEN


def test_a_wrong_code_exits_4_and_saves_nothing(signed_out: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/login/email/code", Answer(401, {"errorMessage": "This code is wrong.", "reason": "wrongCode"}))
    result = signed_out("login", "--email", "a@b.c", "--code", "1", "--base-url", api.url)
    assert result.code == 4 and result.json["reason"] == "wrongCode" and not signed_out.credentials.exists()
    assert signed_out("login", "--code", "1", "--base-url", api.url).code == 2
    assert signed_out("login", "--email", "a@b.c", "--oauth", "--base-url", api.url).json["reason"] == "conflictingFlags"


def test_the_provider_is_shown_and_waited_for(signed_out: Cli, api: FakeApi) -> None:
    begun = {"deviceCode": "d", "userCode": "BCDF-GHJK", "verificationUriComplete": f"{api.url}/v1/login/device", "interval": 0.01}
    api.on("POST", "/v1/login/devices", Answer(200, begun))
    welcoming(api, "/v1/login/devices/token")
    result = signed_out("login", "--oauth", "--base-url", api.url)
    assert result.code == 0 and "BCDF-GHJK" in result.err and f"{api.url}/v1/login/device" in result.err
    api.on("POST", "/v1/login/devices/token", Answer(200, {"status": "pending"}))
    assert signed_out("login", "--oauth", "--base-url", api.url, "--timeout", "0.2").code == 8


def test_each_workspace_keeps_its_token_and_switching_uses_it(signed_out: Cli, api: FakeApi) -> None:
    other, token = "0198c0de-0000-7000-8000-000000000002", "cai_live_other"
    for workspace, value, name in ((other, token, "Europe"), (WORKSPACE, TOKEN, "Acme")):
        welcoming(api, "/v1/login/email/code", value, workspace, name)
        assert signed_out("login", "--email", "a@b.c", "--code", "1", "--base-url", api.url).code == 0
    listed = signed_out("workspace", "list").json["workspaces"]
    assert [(one["name"], one["isCurrent"]) for one in listed] == [("Europe", False), ("Acme", True)]
    switched = signed_out("workspace", "switch", "Europe").json["workspaces"]
    assert [one["isCurrent"] for one in switched] == [True, False]
    signed_out("whoami")
    assert api.requests[-1].headers["authorization"] == f"Bearer {token}" and api.requests[-1].headers["selected-workspace-uuid"] == other
    signed_out("whoami", "--workspace-uuid", WORKSPACE)
    assert api.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    unknown = signed_out("workspace", "switch", "Asia")
    assert (unknown.code, unknown.json["reason"]) == (4, "unknownWorkspace")


def test_login_without_a_token_where_no_one_can_be_asked_exits_2(signed_out: Cli) -> None:
    assert signed_out("login").code == 2


@pytest.mark.parametrize("token", ["two words", "new\nline", "ünicode", "", "  "])
def test_what_cannot_be_a_token_is_refused_before_it_is_sent(signed_out: Cli, api: FakeApi, token: str) -> None:
    result = signed_out("login", "--token", token, "--base-url", api.url)
    assert result.code == 2 and api.requests == []


INVITATION = "cai_inv_" + "x" * 43


def accepting(api: FakeApi) -> str:
    """The link of an invitation that the scripted server accepts."""
    user, workspace = {"uuid": "u-1", "email": "ada@example.com"}, {"uuid": WORKSPACE, "name": "Acme"}
    api.on("POST", "/v1/invitations", {"token": TOKEN, "user": user, "workspace": workspace})
    return f"{api.url}/v1/invitations?code={INVITATION}"


@pytest.mark.parametrize("way", ["link", "code", "stdin"])
def test_an_invitation_is_exchanged_for_a_token_that_is_saved_privately(signed_out: Cli, api: FakeApi, way: str) -> None:
    link = accepting(api)
    args = {"link": (link,), "code": (INVITATION, "--base-url", api.url), "stdin": ("-",)}[way]
    result = signed_out("login", "--invitation", *args, stdin=link.encode() + b"\n")
    assert result.code == 0 and result.json["user"]["email"] == "ada@example.com"
    (sent,) = api.sent("POST", "/v1/invitations")
    assert sent.json == {"code": INVITATION} and "authorization" not in sent.headers
    assert stat.S_IMODE(signed_out.credentials.stat().st_mode) == 0o600
    assert json.loads(signed_out.credentials.read_text())["servers"][api.url]["accessToken"] == TOKEN
    assert signed_out("whoami").json == result.json


def test_an_invitation_that_no_longer_works_is_sent_once_and_saves_nothing(signed_out: Cli, api: FakeApi) -> None:
    link = accepting(api)
    api.on("POST", "/v1/invitations", Answer(410, {"errorMessage": "This invitation was used already.", "reason": "invitationUsed"}))
    result = signed_out("login", "--invitation", link)
    assert (result.code, result.json["reason"], len(api.sent("POST", "/v1/invitations"))) == (1, "invitationUsed", 1)
    assert not signed_out.credentials.exists()


@pytest.mark.parametrize(
    "text", ["", "two words", "https://cargo.example.com/", "/v1/invitations?code=12345678", "http://x/v1/invitations?code="]
)
def test_what_is_no_invitation_is_refused_before_it_is_sent(signed_out: Cli, api: FakeApi, text: str) -> None:
    result = signed_out("login", "--invitation", text, "--base-url", api.url)
    assert (result.code, result.json["reason"], api.requests) == (2, "invalidInvitation", [])


def test_not_signed_in_exits_4_without_asking_the_server(signed_out: Cli, api: FakeApi) -> None:
    result = signed_out(*LIST, "--base-url", api.url)
    assert result.code == 4 and result.json["reason"] == "notSignedIn" and api.requests == []


def test_the_default_server_is_this_machine_and_no_one_elses(signed_out: Cli) -> None:
    assert "http://127.0.0.1:8420" in signed_out("whoami").json["errorMessage"]


def test_logout_forgets_one_server_and_the_file_with_the_last(signed_out: Cli, api: FakeApi) -> None:
    with fake_api() as second:
        for verb, path in (("GET", "/v1/workspaceManagement/users/current"), ("GET", "/v1/workspaceManagement/workspaces/current")):
            second.on(verb, path, {"user": {"uuid": "u-2"}, "workspace": {"uuid": "w-2", "name": "Two"}})
        signed_out("login", "--token", "first", "--base-url", api.url)
        signed_out("login", "--token", "second", "--base-url", second.url)
        assert signed_out("whoami").json["workspace"]["uuid"] == "w-2"
        assert signed_out("logout").json == {"loggedOut": True, "baseUrl": second.url}
        known = {WORKSPACE: {"accessToken": "first", "name": "Acme"}}
        assert json.loads(signed_out.credentials.read_text()) == {
            "servers": {api.url: {"accessToken": "first", "workspaceUuid": WORKSPACE, "workspaces": known}}
        }
        assert signed_out("whoami", "--base-url", api.url).code == 0
        assert signed_out("logout", "--base-url", api.url).json["loggedOut"] is True
        assert not signed_out.credentials.exists()
        assert signed_out("logout", "--base-url", api.url).json == {"loggedOut": False, "baseUrl": api.url}


def test_a_saved_token_never_goes_to_another_server(signed_out: Cli, api: FakeApi) -> None:
    signed_out("login", "--token", TOKEN, "--base-url", api.url)
    with fake_api() as other:
        environments: tuple[dict[str, Any], ...] = ({"CARGO_API_URL": other.url}, {})
        for env in environments:
            args = () if env else ("--base-url", other.url)
            assert signed_out(*LIST, *args, **env).code == 4
        assert other.requests == []


def test_a_token_saved_without_a_server_is_never_used(signed_out: Cli, api: FakeApi) -> None:
    signed_out.credentials.parent.mkdir(parents=True)
    signed_out.credentials.write_text(json.dumps({"accessToken": "of another service"}))
    assert signed_out(*LIST, "--base-url", api.url).code == 4
    assert api.requests == []


def test_a_redirect_is_not_followed_with_the_token(cli: Cli, api: FakeApi) -> None:
    with fake_api() as other:
        api.on("GET", LISTED, Answer(302, headers={"Location": other.url + LISTED}))
        result = cli(*LIST)
        assert result.code == 1 and result.json["reason"] == "redirected" and other.requests == []


def test_a_folders_file_cannot_choose_where_a_token_goes(signed_out: Cli, api: FakeApi) -> None:
    (signed_out.cwd / ".cargo-ai.json").write_text(json.dumps({"baseUrl": api.url}))
    for args in (LIST, ("whoami",), ("login",), ("doctor",), ("api", "GET", "/healthz")):
        signed_out(*args, CARGO_API_TOKEN=TOKEN)
    assert all("authorization" not in request.headers for request in api.requests)
    refused = signed_out(*LIST, CARGO_API_TOKEN=TOKEN)
    assert refused.code == 4 and refused.json["fix"] == f"cargo-ai login --base-url {api.url}"


def test_the_folders_file_counts_in_subfolders_once_you_signed_in_there(signed_out: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {})
    signed_out("login", "--token", TOKEN, "--base-url", api.url)
    signed_out.credentials.write_text(json.dumps({**json.loads(signed_out.credentials.read_text()), "baseUrl": "http://127.0.0.1:1"}))
    (signed_out.cwd / ".cargo-ai.json").write_text(json.dumps({"baseUrl": api.url, "workspaceUuid": "of-project", "later": 1}))
    signed_out.cwd = signed_out.cwd / "deep" / "er"
    signed_out.cwd.mkdir(parents=True)
    assert signed_out(*LIST).code == 0
    assert api.requests[-1].headers["selected-workspace-uuid"] == "of-project"


def test_flags_win_over_the_environment_over_the_folder_over_the_user(signed_out: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {})
    signed_out("login", "--token", "of-user", "--base-url", api.url)
    (signed_out.cwd / ".cargo-ai.json").write_text(json.dumps({"workspaceUuid": "of-project"}))

    def seen(*args: str, **env: Any) -> tuple[str, str]:
        assert signed_out(*LIST, *args, **env).code == 0
        headers = api.requests[-1].headers
        return headers["authorization"].removeprefix("Bearer "), headers["selected-workspace-uuid"]

    assert seen() == ("of-user", "of-project")
    env = {"CARGO_API_TOKEN": "of-env", "CARGO_WORKSPACE_UUID": "of-env"}
    assert seen(**env) == ("of-env", "of-env")
    assert seen("--token", "of-flag", "--workspace-uuid", "of-flag", **env) == ("of-flag", "of-flag")
    (signed_out.cwd / ".cargo-ai.json").unlink()
    assert seen() == ("of-user", WORKSPACE)


def test_a_credentials_file_that_others_can_read_is_closed_to_them(signed_out: Cli, api: FakeApi) -> None:
    signed_out("login", "--token", TOKEN, "--base-url", api.url)
    signed_out.credentials.chmod(0o644)
    assert signed_out("whoami").code == 0
    assert stat.S_IMODE(signed_out.credentials.stat().st_mode) == 0o600


def test_a_broken_credentials_file_is_named_and_login_mends_it(signed_out: Cli, api: FakeApi) -> None:
    signed_out.credentials.parent.mkdir(parents=True)
    signed_out.credentials.write_text("{")
    result = signed_out("whoami", "--base-url", api.url)
    assert result.code == 4 and "not valid JSON" in result.json["errorMessage"]
    assert signed_out("login", "--token", TOKEN, "--base-url", api.url).code == 0
    assert signed_out("whoami").code == 0


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8420", "http://", "http://a b", "http://u:p@x", "http://x:99999"])
def test_a_base_url_that_is_none_exits_2(signed_out: Cli, url: str) -> None:
    assert signed_out("whoami", "--base-url", url).json["reason"] == "invalidBaseUrl"


def test_the_saved_workspace_goes_with_the_saved_token_only(signed_out: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {})
    signed_out("login", "--token", "of-user", "--base-url", api.url)
    assert signed_out(*LIST).code == 0
    assert api.requests[-1].headers["selected-workspace-uuid"] == json.loads(signed_out.credentials.read_text())["workspaceUuid"]
    assert signed_out(*LIST, CARGO_API_TOKEN="of-another-workspace").code == 0
    assert "selected-workspace-uuid" not in api.requests[-1].headers
    assert signed_out(*LIST, "--token", "of-another-workspace").code == 0
    assert "selected-workspace-uuid" not in api.requests[-1].headers


def test_doctor_tells_the_database_the_schema_and_the_workers(cli: Cli, api: FakeApi) -> None:
    from cargo_ai import __version__

    report = {
        "status": "ready",
        "postgres": {"version": "17.2", "extensions": ["plpgsql", "vector"]},
        "migrations": {"current": "0005", "needed": "0005"},
        "workers": 2,
    }
    api.on("GET", "/healthz", {"status": "ok", "version": __version__})
    api.on("GET", "/readyz", report)
    found = {check["name"]: check for check in cli("doctor").json["checks"]}
    assert found["database"]["detail"] == "PostgreSQL 17.2, extensions: plpgsql, vector"
    assert found["schema"]["ok"] and found["workers"]["detail"] == "2 at work"
    api.on("GET", "/readyz", {**report, "migrations": {"current": "0004", "needed": "0005"}, "workers": 0})
    result = cli("doctor")
    assert result.code == 75
    bad = {check["name"]: check["fix"] for check in result.json["checks"] if not check["ok"]}
    assert bad == {"schema": "cargo-ai server migrate", "workers": "cargo-ai server start"}


@pytest.mark.parametrize(
    ("said", "ok", "words"),
    [
        ("configured", True, "go out"),
        ("notConfigured", True, "CARGO_AI_SMTP_HOST"),
        ("CARGO_AI_SMTP_TLS must be one of starttls, tls, off.", False, "CARGO_AI_SMTP_TLS"),
    ],
)
def test_doctor_tells_whether_the_server_can_send_e_mail(cli: Cli, api: FakeApi, said: str, ok: bool, words: str) -> None:
    api.on("GET", "/healthz", {"status": "ok"})
    api.on("GET", "/readyz", {"status": "ready", "email": said})
    result = cli("doctor")
    (found,) = [check for check in result.json["checks"] if check["name"] == "email"]
    assert (found["ok"], result.code) == (ok, 0 if ok else 1) and words in found["detail"]


def test_doctor_is_content_with_a_working_set_up(cli: Cli, api: FakeApi) -> None:
    from cargo_ai import __version__

    api.on("GET", "/healthz", {"status": "ok", "version": __version__})
    api.on("GET", "/readyz", {"status": "ready", "sandbox": "seccomp"})
    result = cli("doctor")
    assert result.code == 0 and result.json["ok"] is True and result.json["version"] == {"installed": __version__}
    names = [check["name"] for check in result.json["checks"]]
    assert names == ["python", "credentials", "server", "ready", "version", "signedIn", "workspace"]
    assert "authorization" not in api.sent("GET", "/healthz")[0].headers


def test_doctor_exits_with_the_code_of_the_worst_finding(signed_out: Cli, api: FakeApi) -> None:
    api.on("GET", "/healthz", {"version": "0.0.1"})
    api.on("GET", "/readyz", {})
    result = signed_out("doctor", "--base-url", api.url)
    assert result.code == 4 and result.json["ok"] is False
    bad = {check["name"]: check for check in result.json["checks"] if not check["ok"]}
    assert set(bad) == {"version", "signedIn"} and bad["signedIn"]["fix"].startswith("cargo-ai login")
    api.on("GET", "/readyz", Answer(500, {"errorMessage": "The database is down."}))
    unready = signed_out("doctor", "--base-url", api.url)
    assert unready.code == 75 and "The database is down." in unready.out
    assert signed_out("doctor", "--base-url", "http://127.0.0.1:9").code == 75
