"""agents1k: a batch of 1,000 records with one agent node each, against an imitation of a language model that takes 200 ms to answer.

With BENCH_AGENTS_SHARED=1 as a shared account, whose tokens cost credits, and with a limit of tokens for a day.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from bench import graphs, processes, report
from bench.report import Json
from bench.runs.native10k import lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer
from tests.simulators.language_models import server as language_models

RECORDS = int(os.environ.get("BENCH_AGENTS", "1000"))
SHARED = os.environ.get("BENCH_AGENTS_SHARED") == "1"
ANSWER_SECONDS = 0.2
CPU_MILLISECONDS = 8
MAX_TOKENS = 900_000_000
IN_FLIGHT = 50
"""Of the answers that a perfect server would always have in flight."""


def agent_of(server: TemporaryServer, key: str) -> str:
    """An agent that is answered by the imitation; its uuid."""
    account: Json = {"integrationSlug": "openAi", "slug": "openai", "name": "OpenAI"}
    server.api.post("/connection/connectors", account if SHARED else {**account, "config": {"apiKey": key}})
    agent = str(server.api.post("/ai/agents", {"name": "Classifier"})["agent"]["uuid"])
    if SHARED:
        limit = json.dumps({"maxTokensPerDay": MAX_TOKENS}).encode()
        server.api.send("PUT", f"/ai/agents/{agent}", limit, **{"Content-Type": "application/json"})
    server.api.post("/ai/releases/draft/deploy", {"agentUuid": agent, "integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"})
    return agent


def nodes_of(agent: str) -> list[Json]:
    """A graph that asks the agent about each record."""
    start: Json = {"uuid": "a", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": ["b"]}
    config = {"prompt": "Classify {{ nodes.start.domain }}"}
    return [start, {"uuid": "b", "slug": "classify", "kind": "agent", "agentUuid": agent, "config": config, "childrenUuids": [None]}]


def measure() -> Json:
    """One batch, after a small one that loads what is loaded at first use."""
    with language_models.running() as model, tempfile.TemporaryDirectory() as folder:
        settings = {"SERVICE_ADDRESSES": f"openAi={model.url}"}
        if SHARED:
            accounts = Path(folder) / "shared.json"
            accounts.write_text(json.dumps({"openAi": {"apiKey": model.key}}))
            settings |= {"SHARED_ACCOUNTS_FILE": str(accounts), "ACTION_COSTS": "openAi.tokens=0.25/tokens"}
        with TemporaryServer(workers=2, keep=None, **settings) as server:
            workflow = server.deploy(nodes_of(agent_of(server, model.key)))
            # Large enough for shards of both workers: each imports what asks language models when it first does.
            small = server.upload(graphs.companies(400))
            server.finish_batch(server.start_batch(workflow, small), 400)
            model.control.reset()
            model.control.fail(path="completions", delay=ANSWER_SECONDS, times=10 * RECORDS)
            file = server.upload(graphs.companies(RECORDS))
            before = processes.cpu_seconds(server)
            took = lasted(server.finish_batch(server.start_batch(workflow, file), RECORDS))
            after = processes.cpu_seconds(server)
        asked, most = model.control.counts["POST 200"], model.control.most_under_way
    if asked != RECORDS:
        raise MeasurementFailed(f"{RECORDS} records asked {asked} times.")
    perfect = RECORDS * ANSWER_SECONDS / IN_FLIGHT
    cpu = {group: (after[group] - before[group]) / RECORDS * 1000 for group in after}
    return report.figure(
        [
            report.at_least("answers in flight at once", most, IN_FLIGHT),
            report.at_least(f"share of what {IN_FLIGHT} in flight at all times would reach", perfect / took, 0.8),
            report.at_most("milliseconds of CPU an answer, all processes of the server", sum(cpu.values()), CPU_MILLISECONDS),
        ],
        {
            "seconds": report.rounded(took),
            "answersPerSecond": report.rounded(RECORDS / took),
            "cpuMillisecondsPerAnswer": {group: report.rounded(milliseconds) for group, milliseconds in cpu.items()},
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("agents1k", measure))
