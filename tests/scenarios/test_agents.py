"""Agents: a chat that keeps its context, overrides of one message, knowledge files, memories, and scores by an agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.real_server import RealServer, wait_until
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Json, Person
from tests.simulators.language_models.control import KEY, Reply, Said
from tests.simulators.language_models.server import Running


@pytest.fixture
def agent(person: Person, server: RealServer, language_model: Running) -> str:
    """A deployed agent in a workspace of its own; the imitation says back what it hears."""
    language_model.control.reset()
    person.environment["CARGO_API_TOKEN"] = new_workspace(server, "Agents")
    config = json.dumps({"apiKey": KEY})
    person("connection", "connector", "create", "--integration-slug", "openAi", "--slug", "openai", "--name", "OpenAI", "--config", config)
    made = person("ai", "agent", "create", "--name", "Helper", "--icon-color", "blue", "--icon-face", "🤖")["agent"]["uuid"]
    model = ("--integration-slug", "openAi", "--language-model-slug", "gpt-4o")
    person("ai", "release", "update-draft", "--agent-uuid", made, *model, "--system-prompt", "Be brief.")
    person("ai", "release", "deploy-draft", "--agent-uuid", made, "--description", "First")
    return str(made)


def say(person: Person, chat: str, text: str, *more: str) -> Json:
    parts = json.dumps([{"type": "text", "text": text}])
    found: Json = person("ai", "message", "create", "--chat-uuid", chat, "--parts", parts, *more)
    return found


def new_chat(person: Person, agent: str) -> str:
    words = ("--trigger", '{"type":"draft"}', "--agent-uuid", agent, "--name", "Q")
    return str(person("ai", "chat", "create", *words)["chat"]["uuid"])


def text_of(message: Json) -> str:
    return " ".join(part["text"] for part in message["parts"] if part["type"] == "text")


def test_a_chat_keeps_its_context(person: Person, agent: str, language_model: Running) -> None:
    chat = new_chat(person, agent)
    sent = say(person, chat, "hello")
    assert sent["userMessage"]["status"] == "success"
    assert (sent["assistantMessage"]["status"], sent["assistantMessage"]["parts"]) == ("pending", [])
    answer = ("ai", "message", "get", sent["assistantMessage"]["uuid"])
    wait_until(lambda: person(*answer)["message"]["status"] == "success", 20, "the first answer")
    assert "hello" in text_of(person(*answer)["message"])
    finished = say(person, chat, "and again", "--wait-until-finished")["message"]
    assert finished["status"] == "success" and "and again" in text_of(finished)
    assert "hello" in [text for _, text in language_model.control.said[-1].texts], "the second question comes with the first"
    listed = person("ai", "message", "list", "--chat-uuid", chat, "--limit", "20")["messages"]
    assert [message["type"] for message in listed] == ["user", "assistant"] * 2
    assert [one["uuid"] for one in person("ai", "chat", "list", "--agent-uuid", agent, "--limit", "5", "--offset", "0")["chats"]] == [chat]


def test_a_message_has_tools_and_a_model_of_its_own(person: Person, agent: str, language_model: Running) -> None:
    tool = person.deployed("Find e-mail", [graphs.start("end"), graphs.end(email="ann@acme.com")])
    uuid = next(one["uuid"] for one in person("orchestration", "tool", "list")["tools"] if one["workflowUuid"] == tool)
    actions = json.dumps([{"slug": "find_email", "kind": "tool", "toolUuid": uuid, "config": {}}])

    def rule(said: Said) -> Reply:
        return Reply("; ".join(result for _, result in said.results)) if said.results else Reply(calls=[("find_email", {"name": "Ann"})])

    language_model.control.rules.append(rule)
    chat = new_chat(person, agent)
    overrides = ("--actions", actions, "--language-model-slug", "gpt-4o", "--temperature", "0.3", "--max-steps", "10")
    message = say(person, chat, "Ann's address?", *overrides, "--wait-until-finished")["message"]
    assert message["status"] == "success" and "ann@acme.com" in text_of(message)
    language_model.control.rules[:] = [lambda said: Reply(calls=[("find_email", {"name": "Ann"})])]
    looping = say(person, chat, "Again", "--actions", actions, "--max-steps", "1", "--wait-until-finished")["message"]
    assert looping["status"] == "error" and looping["errorMessage"]


def test_a_knowledge_file_comes_and_goes_in_folders(person: Person, agent: str, tmp_path: Path) -> None:
    page = tmp_path / "kb.txt"
    page.write_text("The secret word of Acme is heliotrope.\n")
    file = person("ai", "file", "upload", "--file-path", str(page))["file"]
    assert file["size"] == page.stat().st_size and file["contentType"].startswith("text/plain")
    items = [{"kind": "file", "fileUuid": file["uuid"]}]
    resources = json.dumps([{"kind": "file", "slug": "kb", "name": "KB", "description": None, "prompt": None, "items": items}])
    draft = person("ai", "release", "update-draft", "--agent-uuid", agent, "--resources", resources)["release"]
    assert [item["fileUuid"] for item in draft["resources"][0]["items"]] == [file["uuid"]]
    person("ai", "release", "deploy-draft", "--agent-uuid", agent, "--description", "Knows more")
    folder = person("workspace", "folder", "create", "--name", "Docs", "--emoji-slug", "books", "--kind", "file")["folder"]["uuid"]
    moved = person("ai", "file", "update", "--uuid", file["uuid"], "--name", "Knowledge", "--folder-uuid", folder)["file"]
    assert (moved["name"], moved["folderUuid"]) == ("Knowledge", folder)
    unknown = "0198c0de-0000-7000-8000-000000000001"
    wrong = ("ai", "file", "update", "--uuid", file["uuid"], "--folder-uuid", unknown)
    assert person.refused(*wrong)["reason"] == "folderNotFound"
    assert [one["uuid"] for one in person("content", "file", "list")["files"]] == [file["uuid"]]
    person("ai", "release", "update-draft", "--agent-uuid", agent, "--resources", "[]")
    person("ai", "release", "deploy-draft", "--agent-uuid", agent, "--description", "Knows less")
    person("content", "file", "remove", file["uuid"])
    assert person("ai", "file", "list")["files"] == []


def test_memories_of_each_scope_are_listed(person: Person, agent: str) -> None:
    for scope in (("agent", "--agent-uuid", agent), ("workspace",), ("user",)):
        assert person("ai", "memory", "list", "--scope", *scope)["memories"] == []
    wrong = ("ai", "memory", "update", "--mem0-id", "none", "--scope", "agent", "--agent-uuid", agent, "--content", "x")
    assert person.refused(*wrong)["reason"] == "memoryNotFound"


def test_an_agent_scores_records_and_its_executions_are_counted(person: Person, agent: str) -> None:
    action = json.dumps({"kind": "agent", "agentUuid": agent, "config": {}})
    records = json.dumps([{"prompt": "Score Acme"}, {"prompt": "Score Globex"}])
    words = ("orchestration", "action", "execute-batch", "--action", action, "--records", records, "--wait-until-finished")
    scored = person(*words)
    assert (scored["batch"]["status"], scored["batch"]["failedRunsCount"]) == ("success", 0)
    assert [result["answer"] for result in scored["results"]] == ["You said: Score Acme", "You said: Score Globex"]
    today = scored["batch"]["createdAt"][:10]
    items = [item for day in person("billing", "usage", "get-metrics", "--from", today, "--to", today)["metrics"] for item in day["items"]]
    assert any(item["count"] for item in items)
