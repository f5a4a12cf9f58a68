"""No secret of a connector is seen in what runs leave behind: contexts, executions, errors, downloads, webhooks, logs and tables."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.data.database_dump import dump, leaks
from tests.kit.graphs import node
from tests.kit.peers.echo_service import Heard, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRETS = ["tok-of-bearer-4711", "user-of-basic-4711", "password-4711", "key-in-query-4711", "key-in-header-4711", "header-secret-4711"]


def configs(url: str) -> dict[str, Body]:
    """A config for each way to sign in."""
    bearer, user, password, query, header, more = SECRETS
    return {
        "bearer": {"baseUrl": url, "auth": {"kind": "bearer", "token": bearer}, "headers": {"X-Secret": more}},
        "basic": {"baseUrl": url, "auth": {"kind": "basic", "username": user, "password": password}},
        "query": {"baseUrl": url, "auth": {"kind": "apiKey", "in": "query", "name": "key", "value": query}},
        "header": {"baseUrl": url, "auth": {"kind": "apiKey", "in": "header", "name": "X-Key", "value": header}},
    }


def graph(connector: str) -> list[Body]:
    """A call whose answer repeats it, then one that fails with what it was sent."""

    def call(slug: str, after: str, url: str) -> Body:
        more = {"kind": "connector", "integrationSlug": "http", "connectorUuid": connector}
        return node(slug, "request", (after,), config={"url": url}, **more)

    return [node("start", children=("good",)), call("good", "bad", "echo"), call("bad", "end", "bad"), node("end")]


async def test_no_secret_is_seen_in_what_runs_leave_behind(backend: Backend, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    hooks: list[Heard] = []
    all_called = asyncio.Event()

    def bad(heard: Heard) -> Say:
        return Say(400, f"{heard.headers} {heard.query}".encode(), {"content-type": "text/plain"})

    def hook(heard: Heard) -> Say:
        hooks.append(heard)
        if len(hooks) == len(configs("")):
            all_called.set()
        return Say()

    async with echo_service() as service:
        service.on("/bad", bad)
        service.on("/hook", hook)
        for slug, config in configs(service.url).items():
            made = await backend.admin.send("connection.connector.create", integrationSlug="http", slug=slug, name=slug, config=config)
            connector = made.json()["connector"]["uuid"]
            tool, _ = await backend.admin.deployed(graph(connector))
            workflow = tool["workflowUuid"]
            batch = await backend.batch([{"_id": "1"}, {"_id": "2"}], workflowUuid=workflow)
            await backend.admin.call(
                "orchestration.action.executeBatch",
                action={
                    "kind": "connector",
                    "integrationSlug": "http",
                    "actionSlug": "request",
                    "connectorUuid": connector,
                    "config": {"url": "echo"},
                },
                records=[{"a": 1}],
                webhookUrl=f"{service.url}/hook",
            )
            runs = (await backend.admin.call("orchestration.run.list", workflowUuid=workflow))["runs"]
            for name, fields in _reads(workflow, batch["uuid"], [run["uuid"] for run in runs]):
                reply = await backend.admin.send(name, **fields)
                assert reply.status_code == 200, (name, reply.text)
                seen += [made.text, reply.text]
                url = reply.json().get("url")
                if url:
                    seen.append((await backend.admin.http.get(url)).text)
        await asyncio.wait_for(all_called.wait(), 60)
        assert len(hooks) >= len(configs(""))
        assert leaks(str([heard.headers for heard in service.heard if heard.path == "/echo"]), SECRETS[:1]) == SECRETS[:1]
    written = capfd.readouterr()
    assert leaks("\n".join(seen), SECRETS) == []
    assert leaks(str(hooks), SECRETS) == []
    assert leaks(written.out + written.err, SECRETS) == []
    assert leaks(await dump(backend.state.database), SECRETS) == []


def _reads(workflow: str, batch: str, runs: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every way to look at these runs."""
    of_runs = [(f"orchestration.run.{verb}", {"uuid": run}) for run in runs for verb in ("get", "explain")]
    return [
        *of_runs,
        ("orchestration.run.list", {"workflowUuid": workflow}),
        ("orchestration.run.getErrors", {"workflowUuid": workflow}),
        ("orchestration.batch.get", {"uuid": batch}),
        ("orchestration.run.downloadOutputs", {"workflowUuid": workflow, "outputNodeSlug": "good"}),
        ("orchestration.run.download", {"workflowUuid": workflow}),
        ("connection.connector.list", {}),
        ("orchestration.queue.get", {}),
    ]
