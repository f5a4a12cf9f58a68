"""Agents: a chat that keeps its context, overrides of one message, knowledge files, memories, and scores by an agent."""

from __future__ import annotations

import json

import pytest

from tests.kit.documents import pdf
from tests.kit.processes.real_server import RealServer, wait_until
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_knowledge_file_comes_and_goes_in_folders(person: Person, agent: str, language_model: Running) -> None:
    page = person.home / "kb.pdf"
    page.write_bytes(pdf(["The secret word of Acme is heliotrope."]))
    file = person("ai", "file", "upload", "--file-path", "./kb.pdf")["file"]
    assert file["size"] == page.stat().st_size and file["contentType"] == "application/pdf"
    items = [{"kind": "file", "fileUuid": file["uuid"]}]
    resources = json.dumps([{"kind": "file", "slug": "kb", "name": "KB", "description": None, "prompt": None, "items": items}])
    draft = person("ai", "release", "update-draft", "--agent-uuid", agent, "--resources", resources)["release"]
    assert [item["fileUuid"] for item in draft["resources"][0]["items"]] == [file["uuid"]]
    person("ai", "release", "deploy-draft", "--agent-uuid", agent, "--description", "Knows more")
    wait_until(lambda: person("ai", "file", "get", file["uuid"])["file"]["status"] == "ready", 30, "the file can be searched")

    def look_up(said: Said) -> Reply:
        return Reply(said.results[-1][1]) if said.results else Reply(calls=[("search_files", {"query": "secret word"})])

    language_model.control.rules[:] = [look_up]
    answer = say(person, new_chat(person, agent), "What is the secret word?", "--wait-until-finished")["message"]
    assert answer["status"] == "success" and "heliotrope" in text_of(answer)
    folder = person("workspace", "folder", "create", "--name", "Docs", "--emoji-slug", "books", "--kind", "file")["folder"]["uuid"]
    moved = person("ai", "file", "update", "--uuid", file["uuid"], "--name", "Knowledge", "--folder-uuid", folder)["file"]
    assert (moved["name"], moved["folderUuid"]) == ("Knowledge", folder)
    unknown = "0198c0de-0000-7000-8000-000000000001"
    wrong = ("ai", "file", "update", "--uuid", file["uuid"], "--folder-uuid", unknown)
    assert person.refused(*wrong)["reason"] == "folderNotFound"
    assert [one["uuid"] for one in person("content", "file", "list")["files"]] == [file["uuid"]]
    same = ("content", "file", "update", "--uuid", file["uuid"], "--name", "Known")
    assert (person(*same)["file"]["name"], person("content", "file", "get", file["uuid"])["file"]["name"]) == ("Known", "Known")
    person("ai", "release", "update-draft", "--agent-uuid", agent, "--resources", "[]")
    person("ai", "release", "deploy-draft", "--agent-uuid", agent, "--description", "Knows less")
    person("content", "file", "remove", file["uuid"])
    assert person("ai", "file", "list")["files"] == []


@pytest.mark.slow
def test_a_message_has_a_model_as_its_resource_and_an_action_asks_the_agent(person: Person, agent: str, language_model: Running) -> None:
    dataset = person("storage", "dataset", "list")["datasets"][0]["uuid"]
    config = json.dumps({"columns": [{"slug": "domain", "type": "string", "label": "Domain"}], "idColumnSlug": "domain"})
    words = ("storage", "model", "create", "--slug", "companies", "--name", "Companies", "--dataset-uuid", dataset)
    model = person(*words, "--extractor-slug", "defineObject", "--config", config)["model"]["uuid"]
    resources = json.dumps([{"slug": "companies", "kind": "model", "integrationSlug": "salesforce", "modelUuid": model}])
    message = say(person, new_chat(person, agent), "How many?", "--resources", resources, "--wait-until-finished")["message"]
    assert message["status"] == "success" and any(said.tools for said in language_model.control.said)
    action = json.dumps({"kind": "agent", "agentUuid": agent, "config": {}})
    words = ("orchestration", "action", "execute", "--action", action, "--data", '{"prompt":"Hello"}', "--wait-until-finished")
    asked = person(*words)
    assert asked["run"]["status"] == "success" and "Hello" in json.dumps(asked["runContext"])


@pytest.mark.slow
def test_a_field_of_a_node_is_filled_by_the_model(person: Person, agent: str, language_model: Running) -> None:
    language_model.control.rules[:] = []
    greeting = {"kind": "templateExpression", "expression": "Greet {{nodes.start.name}}", "instructTo": "ai", "fromRecipe": False}
    variables = {"variables": [{"name": "greeting", "type": "string", "value": greeting}]}
    nodes = json.dumps(
        [graphs.start("greet"), graphs.node("greet", "variables", variables, ("end",)), graphs.end(said="{{nodes.greet.greeting}}")]
    )
    words = ("orchestration", "run", "create", "--nodes", nodes, "--data", '{"name":"Ann"}', "--wait-until-finished")
    done = person(*words)
    assert done["run"]["status"] == "success", done["run"]["errorMessage"]
    assert isinstance(done["runContext"]["end"]["said"], str) and done["runContext"]["end"]["said"]


@pytest.mark.slow
def test_what_an_agent_remembers_is_corrected_and_removed(person: Person, agent: str, language_model: Running) -> None:
    capabilities = json.dumps([{"slug": "memory", "config": {}}])
    person("ai", "release", "update-draft", "--agent-uuid", agent, "--capabilities", capabilities)
    left = [("remember", {"content": "Acme is small.", "scope": "agent"})]
    language_model.control.rules[:] = [lambda _said: Reply(calls=[left.pop()]) if left else None]
    assert say(person, new_chat(person, agent), "Acme is small.", "--wait-until-finished")["message"]["status"] == "success"
    of_agent = ("--scope", "agent", "--agent-uuid", agent)
    (memory,) = person("ai", "memory", "list", *of_agent)["memories"]
    assert memory["content"] == "Acme is small." and memory["mem0Id"]
    assert person("ai", "memory", "list", "--agent-uuid", agent)["memories"] == [memory]
    named = ("--mem0-id", memory["mem0Id"])
    person("ai", "memory", "update", *named, *of_agent, "--content", "new")
    assert [one["content"] for one in person("ai", "memory", "list", *of_agent)["memories"]] == ["new"]
    assert person.refused("ai", "memory", "update", *named, "--scope", "user", "--content", "x")["reason"] == "memoryNotFound"
    person("ai", "memory", "remove", *named, *of_agent)
    assert person("ai", "memory", "list", *of_agent)["memories"] == []


@pytest.mark.slow
def test_memories_of_each_scope_are_listed(person: Person, agent: str) -> None:
    for scope in (("agent", "--agent-uuid", agent), ("workspace",), ("user",)):
        assert person("ai", "memory", "list", "--scope", *scope)["memories"] == []
    wrong = ("ai", "memory", "update", "--mem0-id", "none", "--scope", "agent", "--agent-uuid", agent, "--content", "x")
    assert person.refused(*wrong)["reason"] == "memoryNotFound"


@pytest.mark.slow
def test_a_play_scores_leads_with_an_agent_and_stores_the_scores(person: Person, agent: str, language_model: Running) -> None:
    words = ("--name", "Scorer", "--icon-color", "blue", "--icon-face", "x", "--language-model-slug", "gpt-4o", "--temperature", "0")
    scorer = person("ai", "agent", "create", *words)["agent"]["uuid"]
    person("ai", "release", "deploy-draft", "--agent-uuid", scorer)
    assert {scorer, agent} == {one["uuid"] for one in person("ai", "agent", "list")["agents"]}
    language_model.control.rules[:] = [lambda said: Reply("80" if "Acme" in said.last else "20")]
    dataset = person("storage", "dataset", "list")["datasets"][0]["uuid"]
    columns = [{"slug": one, "type": "string", "label": one} for one in ("name", "score")]
    config = json.dumps({"columns": columns, "idColumnSlug": "name"})
    words = ("storage", "model", "create", "--slug", "leads", "--name", "Leads", "--dataset-uuid", dataset)
    model = person(*words, "--extractor-slug", "defineObject", "--config", config)["model"]["uuid"]
    person("storage", "record", "create-bulk", "--model-uuid", model, "--records", '[{"data":{"name":"Acme"}},{"data":{"name":"Bolt"}}]')
    ask = graphs.node("ask", "", {"prompt": graphs.template("Score {{nodes.start.name}}")}, ("store",), kind="agent", agentUuid=scorer)
    del ask["actionSlug"]
    store = {
        "modelUuid": model,
        "matchingColumnSlug": "name",
        "matchingValue": graphs.template("{{nodes.start.name}}"),
        "mappings": [{"columnSlug": "score", "value": graphs.template("{{nodes.ask.answer}}")}],
    }
    nodes = json.dumps([graphs.start("ask"), ask, graphs.node("store", "modelUpdate", store, ("end",)), graphs.end()])
    person("orchestration", "play", "create", "--name", "Score leads", "--model-uuid", model)
    play = next(one for one in person("orchestration", "play", "list")["plays"] if one["name"] == "Score leads")
    workflow = ("--workflow-uuid", play["workflowUuid"])
    person("orchestration", "draft-release", "deploy", *workflow, "--nodes", nodes, "--form-fields", "null")
    data = json.dumps({"kind": "segment", "segmentUuid": play["segmentUuid"]})
    batch = person("orchestration", "batch", "create", *workflow, "--data", data, "--wait-until-finished")["batch"]
    assert (batch["status"], batch["failedRunsCount"]) == ("success", 0)
    assert person("orchestration", "batch", "get", batch["uuid"])["batch"]["runsCount"] == 2
    stored = {one["name"]: one["score"] for one in person("storage", "record", "list", "--model-uuid", model)["records"]}
    assert stored == {"Acme": "80", "Bolt": "20"}
    today = batch["createdAt"][:10]
    usage = person("billing", "usage", "get-metrics", "--from", today, "--to", today, "--group-by", "agent_uuid")["metrics"]
    assert scorer in {item["groupBy"] for day in usage for item in day["items"]}


@pytest.mark.slow
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
