"""Every example that help shows, pasted into a shell against a real server: it works, or it says that the thing it names is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.examples import EXAMPLES, argv
from tests.kit.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person

FILES: dict[str, Any] = {
    "nodes.json": graphs.wait(0),
    "node.json": graphs.wait(0)[0],
    "records.json": [{"domain": "acme.com"}],
    "data.json": {"kind": "records", "records": [{"domain": "acme.com"}]},
    "api.json": {
        "openapi": "3.1.0",
        "info": {"title": "Customers", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/customers": {
                "get": {"operationId": "listCustomers", "responses": {"200": {"description": "All"}}},
                "post": {"operationId": "createCustomer", "responses": {"200": {"description": "The new one"}}},
            }
        },
    },
    "billing.json": {"baseUrl": "https://api.example.com"},
}
ABSENT = {"dataError", "partsInvalid", "invalidState", "failedToGetManifest"}
"""Reasons, besides those that end in NotFound, by which an example's made-up name is refused."""
ASKED = ("needs the confirmation of a person", "no one can be asked for it here")
"""What is said, with exit code 2, where a person would be asked on a terminal: for a confirmation, or for a secret."""


@pytest.fixture(scope="module")
def reader(server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """A person in a workspace of their own, with the files that the examples name."""
    home = tmp_path_factory.mktemp("reader")
    for name, document in FILES.items():
        (home / name).write_text(json.dumps(document), "utf-8")
    (home / "companies.csv").write_text("domain\nacme.com\n", "utf-8")
    return Person(home, server.base_url, new_workspace(server, "Examples"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_help_works_when_pasted(reader: Person, example: str) -> None:
    done = reader.run(*argv(example))
    if done.returncode:
        document = json.loads(done.stdout)
        if done.returncode == 2 and any(words in document["errorMessage"] for words in ASKED):
            return
        assert done.returncode == 1, document
        absent = document["reason"].endswith("NotFound") or document["reason"] in ABSENT or "There is no " in document["errorMessage"]
        assert absent, document
    said = done.stderr
    for known in ("warning: No e-mail is sent", "warning: There are no cards", "warning: No language model is connected"):
        said = said.replace(known, "")
    assert "warning" not in said
