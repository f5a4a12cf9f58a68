"""What a person sees on a terminal instead of a JSON document."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

LIST = "/v1/connection/integrations/list"
HTTP = {"slug": "http", "name": "HTTP", "category": "freeform", "description": "Calls any\x1b[31m service " + "over and over " * 20}
DOCUMENTATION = "/v1/connection/integrations/http/documentation"


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("GET", LIST, {"integrations": [HTTP, {**HTTP, "slug": "hubspot", "name": "HubSpot", "description": "A CRM."}]})
    api.on("GET", "/v1/connection/integrations/http", {"integration": {"documentationPath": DOCUMENTATION}})
    api.on("GET", DOCUMENTATION, Answer(body=b"# HTTP\n\nFor \x1b[31mpeople.\n"))
    return cli


def on_terminal(cli: Cli, *words: str) -> str:
    """What a terminal of 60 columns shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    process = cli.start(*words, stdout=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0 and process.communicate()[1] == b""
    return shown.decode().replace("\r\n", "\n")


def test_a_list_is_a_table_that_fits(real: Cli) -> None:
    heading, http, hubspot = on_terminal(real, "connection", "integration", "list").splitlines()
    assert heading == "\x1b[1mSLUG     NAME     CATEGORY  DESCRIPTION\x1b[0m"
    assert http.startswith("http     HTTP     freeform  Calls any [31m service") and len(http) == 60 and http.endswith("…")
    assert hubspot == "hubspot  HubSpot  freeform  A CRM."


def test_an_empty_list_says_so(real: Cli, api: FakeApi) -> None:
    api.on("GET", LIST, {"integrations": []})
    assert on_terminal(real, "connection", "integration", "list") == "(none)\n"


def test_a_thing_is_the_page_that_describes_it(real: Cli) -> None:
    assert on_terminal(real, "connection", "integration", "get", "http") == "# HTTP\n\nFor  [31mpeople.\n"


def test_json_is_what_programs_get_and_who_asks_for_it(real: Cli) -> None:
    assert real("connection", "integration", "list").json["integrations"][0] == HTTP
    assert real("connection", "integration", "get", "http").json == {"integration": {"documentationPath": DOCUMENTATION}}
    assert on_terminal(real, "connection", "integration", "list", "--json").startswith('{\n  "integrations"')
