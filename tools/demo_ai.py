"""The demonstration of agents (`make demo-ai`): a real model of 135 million parameters, on this machine, calls a tool and fills a form.

The server and the model's process are temporary, as in `make demo`. The model's own environment stays, in `.venv-small-model`: the first
time it is built, which takes a C++ compiler and some minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tools.demo import REPOSITORY, Demo, StepFailed, Terminal, log_tail

ENVIRONMENT = REPOSITORY / ".venv-small-model"
REQUIREMENTS = REPOSITORY / "requirements" / "small-model.txt"
MODEL = "smollm2-135m-instruct"
Json = dict[str, Any]

FACTS: list[dict[str, Any]] = [
    {"uuid": "1", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": ["2"]},
    {
        "uuid": "2",
        "slug": "end",
        "kind": "native",
        "actionSlug": "end",
        "config": {"variables": [{"name": "employees", "type": "number", "value": "120"}]},
        "childrenUuids": [],
    },
]
FORM = {
    "type": "object",
    "properties": {"employees": {"type": "integer"}, "industry": {"type": "string", "enum": ["software", "food", "banking"]}},
    "required": ["employees", "industry"],
}


def ready() -> bool:
    """Whether the model's environment is there, made from the present requirements."""
    mark = ENVIRONMENT / "requirements.txt"
    return mark.is_file() and mark.read_bytes() == REQUIREMENTS.read_bytes()


def make_environment() -> None:
    """Build the environment, unless it is there."""
    if ready():
        return
    print("The small model is installed into .venv-small-model: llama.cpp is compiled, which takes some minutes, once.", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    # Of llama.cpp the library is enough.
    parts = " ".join(f"-D{name}=OFF" for name in ("LLAVA_BUILD", "LLAMA_CURL"))
    if subprocess.run(pip, env={**os.environ, "CMAKE_ARGS": parts}, check=False).returncode:
        raise StepFailed("pip install -r requirements/small-model.txt: a C++ compiler and CMake are needed (on Debian: g++ and cmake).")
    (ENVIRONMENT / "requirements.txt").write_bytes(REQUIREMENTS.read_bytes())


@contextlib.contextmanager
def served() -> Generator[str]:
    """The model, served by a process of its own: its address."""
    words = [str(ENVIRONMENT / "bin" / "python"), str(REPOSITORY / "tools" / "small_model.py"), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = "" if process.stdout is None else process.stdout.readline().strip()
            if not line:
                raise StepFailed("The small model did not start.")
            yield line
        finally:
            process.terminate()


def ask(terminal: Terminal, address: str) -> list[Json]:
    """A connector, a tool, an agent, and two questions; the two answers."""
    terminal.title("2. A connector to the model, as to any service that speaks OpenAI's HTTP")
    config = json.dumps({"method": "none", "baseUrl": address})
    words = ["--integration-slug", "openAiCompatible", "--slug", "small", "--name", "Small model", "--config", config]
    connector = terminal.run("connection", "connector", "create", *words)["connector"]["uuid"]
    terminal.title("3. A tool, and an agent that may call it")
    tool = terminal.run("orchestration", "tool", "create", "--name", "Company facts")["tool"]
    fields = [{"kind": "string", "slug": "domain", "name": "Domain", "isRequired": True}]
    words = ["--workflow-uuid", tool["workflowUuid"], "--nodes", json.dumps(FACTS), "--form-fields", json.dumps(fields)]
    terminal.run("orchestration", "draft-release", "deploy", *words)
    agent = terminal.run("ai", "agent", "create", "--name", "Researcher")["agent"]["uuid"]
    action = {"kind": "tool", "slug": "facts", "toolUuid": tool["uuid"], "description": "How many employees a company has."}
    model = ["--integration-slug", "openAiCompatible", "--connector-uuid", connector, "--language-model-slug", MODEL]
    words = ["--agent-uuid", agent, *model, "--actions", json.dumps([action])]
    terminal.run("ai", "release", "deploy-draft", *words)
    terminal.title("4. A question: it calls the tool, whose run is real")
    first = _answer(terminal, agent, "How many employees has acme.com?")
    terminal.title("5. A text into a form: what is written holds to the schema, whatever the model would rather say")
    output = json.dumps({"type": "jsonSchema", "jsonSchema": FORM})
    terminal.run("ai", "release", "deploy-draft", "--agent-uuid", agent, "--actions", "[]", "--output", output)
    second = _answer(terminal, agent, "Acme GmbH makes software in Berlin and has 120 employees.")
    return [first, second]


def _answer(terminal: Terminal, agent: str, text: str) -> Json:
    parts = json.dumps([{"type": "text", "text": text}])
    message: Json = terminal.run("ai", "message", "create", "--agent-uuid", agent, "--parts", parts, "--wait-until-finished")["message"]
    for part in message["parts"]:
        if part["type"].startswith("tool-"):
            terminal.say(f"calls {part['type'].removeprefix('tool-')} with {json.dumps(part['input'])}: {json.dumps(part.get('output'))}")
        elif part["type"] == "data-output":
            terminal.say(f"form: {json.dumps(part['data'])}")
        elif part["type"] == "text":
            terminal.say(f"says: {part['text'].strip()}")
    if message["status"] != "success":
        terminal.say(f"error: {message['errorMessage']}")
    return message


def play(folder: Path) -> list[Json]:
    """All steps, in a temporary folder; the two answers."""
    demo = Demo(folder, REPOSITORY)
    try:
        make_environment()
        with served() as address:
            demo.start_server()
            answers = ask(demo.terminal, address)
        demo.terminal.title("Of so small a model the answers are often wrong: it shows the way, which is the same for every model.")
        return answers
    except StepFailed as failure:
        raise StepFailed(f"{failure}\n\nThe end of the server's log:\n{log_tail(folder)}") from None
    finally:
        demo.clean_up()


def main() -> int:
    """Exit code 0 when both questions were answered."""
    folder = Path(tempfile.mkdtemp(prefix="cargo-ai-demo-ai-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        answers = play(folder)
    except StepFailed as failure:
        print(f"\nThe demonstration failed at:\n$ {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if all(answer["status"] == "success" for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
