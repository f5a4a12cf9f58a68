"""What is sent for a command, and how each answer ends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, Hangup, Request, fake_api
from tests.unit.cli.cli_process import TOKEN, WORKSPACE, Cli

BATCH = ("orchestration", "batch", "create")
BATCHES = "/v1/orchestration/batches"
LISTED = "/v1/orchestration/batches/list"


def test_a_write_carries_token_workspace_key_and_agent(cli: Cli, api: FakeApi) -> None:
    api.on("POST", BATCHES, {"batch": {"uuid": "b-1", "name": "é"}})
    result = cli(*BATCH, "--data", '{"kind":"records"}', CARGO_WORKSPACE_UUID=WORKSPACE)
    assert result.code == 0 and result.err == ""
    assert result.out == '{\n  "batch": {\n    "uuid": "b-1",\n    "name": "é"\n  }\n}\n'
    headers = api.requests[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}" and headers["selected-workspace-uuid"] == WORKSPACE
    assert len(headers["idempotency-key"]) == 36 and headers["user-agent"].startswith("cargo-ai/")


def test_a_read_carries_no_key_and_no_body(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {"batches": []})
    cli("orchestration", "batch", "list")
    assert "idempotency-key" not in api.requests[0].headers and api.requests[0].size == 0


def test_lists_objects_and_booleans_go_into_the_query_with_brackets(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {})
    args = ("--workflow-uuids", "a,b", "--statuses", "error", "--filter", '{"a":["b"]}', "--is-finished", "--limit", "5")
    cli("orchestration", "batch", "list", *args)
    assert api.requests[0].query == [
        ("workflowUuids[]", "a"),
        ("workflowUuids[]", "b"),
        ("statuses[]", "error"),
        ("filter[a][0]", "b"),
        ("isFinished", "true"),
        ("limit", "5"),
    ]


@pytest.mark.parametrize(("flag", "value"), [("--is-dry-run", True), ("--is-dry-run=false", False), ("--no-is-dry-run", False)])
def test_a_boolean_has_three_spellings(cli: Cli, api: FakeApi, flag: str, value: bool) -> None:
    api.on("POST", BATCHES, {})
    cli(*BATCH, flag, "--data", "{}")
    assert api.requests[0].json == {"data": {}, "isDryRun": value}


def test_a_boolean_takes_a_word_after_it(cli: Cli, api: FakeApi) -> None:
    api.on("POST", BATCHES, {})
    cli(*BATCH, "--is-dry-run", "false", "--data", "{}")
    assert api.requests[0].json["isDryRun"] is False


def test_json_comes_inline_from_a_file_or_from_stdin(cli: Cli, api: FakeApi) -> None:
    api.on("POST", BATCHES, {})
    (cli.cwd / "data.json").write_bytes(b"\xef\xbb\xbf" + '{"a": "é"}'.encode())
    cli(*BATCH, "--data", '{"a": "é"}')
    cli(*BATCH, "--data", "@data.json")
    cli(*BATCH, "--data=-", stdin='{"a": "é"}'.encode())
    assert [request.json for request in api.requests] == [{"data": {"a": "é"}}] * 3


def test_none_and_null_clear_a_nullable_value_and_dots_nest(cli: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/workspaceManagement/folders", {})
    args = ("--name", "none", "--emoji-slug", "@x", "--kind", "play", "--parent-uuid", "null")
    cli("workspaceManagement", "folder", "create", *args, "--icon-color", "grey", "--icon", '{"color":"blue","face":"🙂"}')
    body = api.requests[0].json
    assert body["name"] == "none" and body["emojiSlug"] == "@x" and body["parentUuid"] is None
    assert body["icon"] == {"color": "grey", "face": "🙂"}


def test_a_path_value_comes_by_position_or_flag_and_is_encoded(cli: Cli, api: FakeApi) -> None:
    api.on("GET", BATCHES + "/a%2Fb%20c", {})
    assert cli("orchestration", "batch", "get", "a/b c").code == 0
    assert cli("orchestration", "batch", "get", "--uuid", "a/b c").code == 0
    assert cli("--debug", "orchestration", "batch", "--quiet", "get", "--", "a/b c").code == 0


def test_aliases_of_rooms_and_commands_reach_the_same_operation(cli: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/orchestration/runs/count", {"count": 3})
    api.on("POST", BATCHES, {})
    assert cli("analytics", "run", "count").json == {"count": 3}
    assert cli("orchestration", "batch", "new", "--data", "{}").code == 0


def test_a_text_command_prints_the_body_verbatim(cli: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/orchestration/nodes/branch/documentation", Answer(body="# Branch\n\nçà".encode()))
    assert cli("orchestration", "node", "get-documentation", "branch").out == "# Branch\n\nçà"


def test_an_empty_reply_is_an_empty_object(cli: Cli, api: FakeApi) -> None:
    api.on("POST", BATCHES, Answer(204))
    assert cli(*BATCH, "--data", "{}").json == {}


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 4), (402, 1), (403, 4), (404, 1), (409, 1), (500, 1), (502, 1)])
def test_a_refusal_is_printed_as_it_came_and_sets_the_exit_code(cli: Cli, api: FakeApi, status: int, code: int) -> None:
    document = {"errorMessage": "No.", "reason": "why", "requestId": "r-1", "fix": "cargo-ai whoami"}
    api.on("GET", LISTED, Answer(status, document))
    result = cli("orchestration", "batch", "list")
    assert (result.code, result.json, result.err) == (code, document, "")
    assert len(api.requests) == 1


def test_a_page_of_a_proxy_becomes_json_with_status_and_beginning(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(500, body=b"<html>" + b"x" * 500))
    result = cli("orchestration", "batch", "list")
    assert result.code == 1 and result.json["status"] == 500 and len(result.json["body"]) == 200
    api.on("GET", LISTED, Answer(200, body=b"<html>sign in to the wifi"))
    assert cli("orchestration", "batch", "list").json["reason"] == "unexpectedAnswer"


def test_429_and_503_are_retried_with_the_same_key(cli: Cli, api: FakeApi) -> None:
    api.on(
        "POST",
        BATCHES,
        Answer(503, {"errorMessage": "x"}, headers={"Retry-After": "0"}),
        Answer(429, {}, headers={"Retry-After": "0"}),
        {"a": 1},
    )
    assert cli(*BATCH, "--data", "{}").json == {"a": 1}
    keys = {request.headers["idempotency-key"] for request in api.requests}
    assert len(api.requests) == 3 and len(keys) == 1


def test_a_lost_connection_is_retried_with_the_same_key(cli: Cli, api: FakeApi) -> None:
    api.on("POST", BATCHES, Hangup(), {"a": 1})
    assert cli(*BATCH, "--data", "{}", "--idempotency-key", "mine").json == {"a": 1}
    assert [request.headers["idempotency-key"] for request in api.requests] == ["mine", "mine"]


def test_a_reply_cut_off_is_retried(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(200, {"batches": ["x"] * 50}, cut=True), {"batches": []})
    assert cli("orchestration", "batch", "list").json == {"batches": []}


def test_three_retries_then_75(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(503, {"errorMessage": "Later."}, headers={"Retry-After": "0"}))
    result = cli("orchestration", "batch", "list")
    assert result.code == 75 and result.json["errorMessage"] == "Later." and len(api.requests) == 4


def test_a_long_retry_after_is_not_sat_out(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(429, {"errorMessage": "Slow down."}, headers={"Retry-After": "60"}))
    assert cli("orchestration", "batch", "list").code == 75
    assert len(api.requests) == 1


def test_no_server_exits_75_and_says_how_to_start_one(signed_out: Cli) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    result = signed_out("orchestration", "batch", "list", "--base-url", url, "--token", "t")
    assert result.code == 75 and f"No server answers at {url}" in result.json["errorMessage"]
    assert "cargo-ai server start" in result.json["errorMessage"]


def test_a_server_that_stays_silent_runs_into_the_timeout(cli: Cli, api: FakeApi) -> None:
    import threading

    never = threading.Event()
    api.on("GET", LISTED, Answer(hold=never))
    result = cli("orchestration", "batch", "list", "--timeout", "0.3")
    never.set()
    assert result.code == 75 and result.json["reason"] == "timeout"


def test_warnings_of_the_server_go_to_stderr_without_control_characters(cli: Cli, api: FakeApi) -> None:
    warnings = json.dumps(["Unknown field “x”", "bad \x1b[2J end"])
    api.on("GET", LISTED, Answer(document={}, headers={"x-cargo-warnings": warnings}))
    result = cli("orchestration", "batch", "list")
    assert result.json == {} and result.err == "warning: Unknown field “x”\nwarning: bad  [2J end\n"
    assert cli("orchestration", "batch", "list", "--quiet").err == ""


def test_debug_tells_requests_ids_and_timings_but_no_secret(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(document={}, headers={"x-request-id": "req-9"}))
    err = cli("orchestration", "batch", "list", "--debug").err
    assert "GET" in err and "req-9" in err and " ms" in err and TOKEN not in err


def test_what_destroys_more_than_one_thing_needs_yes(cli: Cli, api: FakeApi) -> None:
    api.on("DELETE", "/v1/workspaceManagement/tokens", {"count": 2})
    refused = cli("workspace", "token", "remove-all", "a,b", stdin=b"y\n")
    assert refused.code == 2 and "fix" not in refused.json and api.requests == []
    assert cli("workspace", "token", "remove-all", "a,b", "--yes").json == {"count": 2}
    assert api.requests[0].json == {"uuids": ["a", "b"]}


def test_a_workspace_flag_of_the_command_itself_is_a_query_value(cli: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/workspaceManagement/users", {"users": []})
    cli("workspace", "user", "list", "--workspace-uuid", "other")
    assert api.requests[0].query == [("workspaceUuid", "other")] and "selected-workspace-uuid" not in api.requests[0].headers


def test_half_a_surrogate_pair_still_prints_valid_json(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, Answer(body=b'{"a": "\\ud800"}'))
    assert cli("orchestration", "batch", "list").json == {"a": "\ud800"}


def test_a_reader_that_leaves_early_is_no_error(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {"batches": ["x" * 100] * 20000})
    process = cli.start("orchestration", "batch", "list")
    assert process.stdout and process.stderr
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(10) == 141


def test_a_full_disk_is_said_and_a_closed_stdout_is_no_crash(cli: Cli, api: FakeApi) -> None:
    api.on("GET", LISTED, {})
    if Path("/dev/full").exists():
        with open("/dev/full", "wb") as full:
            process = cli.start("orchestration", "batch", "list", stdout=full)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 1 and err.startswith(b"error: cannot write") and b"Traceback" not in err
    line = " ".join([*cli.command("orchestration", "batch", "list"), ">&-"])
    done = subprocess.run(["sh", "-c", line], env=cli.env, cwd=cli.cwd, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_bytes_that_are_no_text_are_refused(cli: Cli, api: FakeApi) -> None:
    process = cli.start("orchestration", "batch", "get", os.fsdecode(b"\xff"))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2 and b"not UTF-8" in out and api.requests == []


def test_api_sends_anything_and_prints_the_body(cli: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/some/thing", {"ok": True})
    api.on("GET", "/healthz", Answer(body=b"fine"))
    assert cli("api", "post", "/some/thing", "--data", '{"a":1}', "--query", "k=v,w", "x[]=1").json == {"ok": True}
    assert api.requests[0].json == {"a": 1} and api.requests[0].query == [("k", "v,w"), ("x[]", "1")]
    assert cli("api", "GET", "/healthz").out == "fine"
    assert cli("api", "GET", "https://elsewhere.example/v1/x").code == 2
    assert cli("api", "FETCH", "/x").code == 2


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(cli: Cli, api: FakeApi) -> None:
    with fake_api() as proxy:
        proxy.on("GET", LISTED, {"via": "proxy"})
        api.on("GET", LISTED, {"via": "direct"})
        through = f"http://user:p%40ss@127.0.0.1:{proxy.port}"
        assert cli("orchestration", "batch", "list", HTTP_PROXY=through).json == {"via": "direct"}
        away: dict[str, Any] = {"http_proxy": through, "CARGO_API_URL": "http://cargo.test:8420"}
        assert cli("orchestration", "batch", "list", **away).json == {"via": "proxy"}
        assert proxy.requests[0].target == f"http://cargo.test:8420{LISTED}"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
        assert cli("orchestration", "batch", "list", **away, NO_PROXY="cargo.test").code == 75
    silent = cli("orchestration", "batch", "list", **away)
    assert (silent.code, silent.json["reason"]) == (75, "noServer")
    assert f"by the proxy 127.0.0.1:{proxy.port}, which the environment names: connection refused" in silent.json["errorMessage"]


def test_a_server_without_tls_is_not_said_to_have_a_wrong_certificate(cli: Cli, api: FakeApi) -> None:
    plain = cli("orchestration", "batch", "list", CARGO_API_URL=f"https://127.0.0.1:{api.port}", CARGO_API_TOKEN="t")
    assert (plain.code, plain.json["reason"]) == (1, "tlsFailed") and "named by http://" in plain.json["errorMessage"]


def test_https_goes_through_a_proxy_by_connect_and_trusts_ssl_cert_file(cli: Cli, tmp_path: Path) -> None:
    pair = certificate(tmp_path, "cargo.test")
    with fake_api(certificate=str(pair)) as far, fake_api(tunnel_to=far.port) as proxy:
        far.on("GET", LISTED, {"over": "tls"})
        away: dict[str, Any] = {"HTTPS_PROXY": proxy.url, "CARGO_API_URL": "https://cargo.test"}
        assert cli("orchestration", "batch", "list", **away, SSL_CERT_FILE=str(pair)).json == {"over": "tls"}
        assert proxy.requests[0].target == "cargo.test:443" and "authorization" not in proxy.requests[0].headers
        untrusted = cli("orchestration", "batch", "list", **away)
        assert untrusted.code == 1 and "SSL_CERT_FILE" in untrusted.json["errorMessage"]
        assert len(far.requests) == 1


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key in one PEM file."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    signed = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "pair.pem"
    path.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_server_may_choose_its_answer_by_the_request(cli: Cli, api: FakeApi) -> None:
    def echo(request: Request) -> Answer:
        return Answer(document=request.json)

    api.on("POST", BATCHES, echo)
    data: dict[str, Any] = {"kind": "records", "records": [{"a": 1}]}
    assert cli(*BATCH, "--data", json.dumps(data)).json == {"data": data}


def test_a_value_that_no_address_holds_is_refused_by_name_and_not_sent(cli: Cli, api: FakeApi) -> None:
    long = "a" * 100_000
    done = cli("orchestration", "batch", "get", long)
    assert (done.code, done.json["reason"]) == (2, "valueTooLong")
    assert done.json["errorMessage"].startswith("<uuid>: 100,000 characters are too many") and len(done.out) < 1_000
    listed = cli("orchestration", "batch", "list", "--limit", "5", "--workflow-uuids", ",".join(["a" * 36] * 2_000))
    assert listed.code == 2 and listed.json["errorMessage"].startswith("--workflow-uuids: 73,999 characters are too many")
    assert api.requests == []
