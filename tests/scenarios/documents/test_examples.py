"""Every example that help shows, pasted into a shell against a real server: it works, or it says that the thing it names is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.documents import pdf
from tests.kit.examples import EXAMPLES, argv
from tests.kit.processes.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person
from tests.simulators.language_models.control import KEY, Reply, Said
from tests.simulators.language_models.server import Running

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
WRITTEN: dict[str, Any] = {
    "criteria": {"score": 0.9, "summary": "Clear.", "criteria": [{"name": "Role", "passed": True, "reason": "It names one."}]},
    "jsonSchema": {"jsonSchema": {"type": "object", "properties": {"tier": {"type": "string"}, "employees": {"type": "integer"}}}},
    "expression": {"kind": "jsExpression", "expression": "nodes.start.email.split('@')[1]"},
}
"""The language model's answers, by a field that each has."""
ABSENT = {"dataError", "partsInvalid", "invalidState", "failedToGetManifest"}
"""Reasons, besides those that end in NotFound, by which an example's made-up name is refused."""
SAID_ABSENT = ("There is no ", "is not a workflow of this workspace", "there is no tool UUID", "The host mcp.example.com cannot be found")
"""What is said of an example's made-up name where the reason is one of several causes."""
ASKED = ("needs the confirmation of a person", "no one can be asked for it here")
"""What is said, with exit code 2, where a person would be asked on a terminal: for a confirmation, or for a secret."""
ONE_OF = 10
"""A tenth of the examples is tried in `make test`, all in `make test-slow`."""


def _written(said: Said) -> Reply | None:
    """What the language model writes where something that can be used is asked for."""
    for field, value in WRITTEN.items():
        if field in said.tools.get("final_result", {}).get("properties", {}):
            return Reply(calls=[("final_result", value)])
    return None


@pytest.fixture(scope="module")
def reader(server: RealServer, language_model: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """A person in a workspace of their own, with a language model and the files that the examples name."""
    language_model.control.reset()
    language_model.control.rules.append(_written)
    home = tmp_path_factory.mktemp("reader")
    for name, document in FILES.items():
        (home / name).write_text(json.dumps(document), "utf-8")
    for name, text in (("companies.csv", "domain\nacme.com\n"), ("kunden.csv", "domain\nacme.com\n"), ("leads.csv", "email\na@acme.com\n")):
        (home / name).write_text(text, "utf-8")
    (home / "handbook.pdf").write_bytes(pdf(["We sell to hospitals."]))
    person = Person(home, server.base_url, new_workspace(server, "Examples"))
    config = json.dumps({"apiKey": KEY})
    person("connection", "connector", "create", "--integration-slug", "openAi", "--slug", "openai", "--name", "OpenAI", "--config", config)
    yield person
    language_model.control.reset()


@pytest.mark.parametrize(
    "example", [pytest.param(example, marks=() if at % ONE_OF == 0 else pytest.mark.slow) for at, example in enumerate(EXAMPLES)]
)
def test_an_example_of_the_help_works_when_pasted(reader: Person, example: str) -> None:
    done = reader.run(*argv(example))
    if done.returncode:
        document = json.loads(done.stdout)
        if done.returncode == 2 and any(words in document["errorMessage"] for words in ASKED):
            return
        assert done.returncode == 1, document
        reason, sentence = document["reason"], document["errorMessage"]
        assert reason.endswith("NotFound") or reason in ABSENT or any(words in sentence for words in SAID_ABSENT), document
    said = done.stderr
    for known in ("warning: No e-mail is sent", "warning: There are no cards", "warning: Runs that are still kept"):
        said = said.replace(known, "")
    assert "warning" not in said
