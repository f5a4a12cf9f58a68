"""Commands that print a text: as it comes, and fields of the one thing in a reply."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import TOKEN, Cli

UUID = "0198c0de-0000-7000-8000-000000000001"


def test_a_live_text_is_printed_while_it_comes(cli: Cli) -> None:
    go_on = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in (b'data: {"type":"start"}\n', b"data: [DONE]\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
                assert go_on.wait(20)
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    del cli.env["CARGO_AI_CLI_INDEX"]
    cli.env |= {"CARGO_API_URL": f"http://127.0.0.1:{server.server_address[1]}", "CARGO_API_TOKEN": TOKEN}
    command = cli.command("ai", "message", "stream", UUID)
    with subprocess.Popen(command, env=cli.env, cwd=cli.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'data: {"type":"start"}\n', "before the server has sent the end"
        go_on.set()
        assert process.stdout.read() == b"data: [DONE]\n"
        assert process.wait(20) == 0
    server.shutdown()
    server.server_close()


def test_a_path_may_begin_with_the_name_of_the_one_thing_in_the_reply(cli: Cli, api: FakeApi) -> None:
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("GET", f"/v1/ai/messages/{UUID}", {"message": {"uuid": UUID, "status": "success", "parts": [{"text": "Hello"}]}})
    for fields in ("message.parts", "parts"):
        assert cli("ai", "message", "get", UUID, "--fields", fields).json == {"message": {"parts": [{"text": "Hello"}]}}
    assert cli("ai", "message", "get", UUID, "--fields", "message.parts.text").json == {"message": {"parts": [{"text": "Hello"}]}}
