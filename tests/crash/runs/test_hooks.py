"""Hooks: an event that was acknowledged starts its run, once, although everything is killed amid a stream of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlparse

import httpx
import pytest

from cargo_ai.store.embedded import postgres
from tests.crash.conftest import MakeServer
from tests.kit.graphs import node
from tests.kit.processes.real_server import RealServer, wait_until

SECRET = "the secret of the sender"
EVENTS = 120
BEFORE = 40
"""This many are acknowledged when everything is killed; others are on their way."""
SENDERS = 8
LINE = [
    node("start", children=("end",)),
    node("end", config={"variables": [{"name": "id", "type": "string", "value": "{{nodes.start.body.id}}"}]}),
]
ENDED = """
select e.output ->> 'id' as id, count(distinct e.run_uuid)::int as runs, count(*)::int as ends
from executions e join runs r on r.uuid = e.run_uuid
where r.workflow_uuid = %s and e.node_slug = 'end' and r.status = 'success' group by 1
"""

pytestmark = pytest.mark.slow


class Sender:
    """Sends events, as someone who repeats what was not acknowledged."""

    def __init__(self, server: RealServer, path: str) -> None:
        self._server, self._path = server, path
        self.acknowledged: set[int] = set()

    def send(self, number: int) -> None:
        """Send it once."""
        content = json.dumps({"id": f"e{number}", "type": "signup"}).encode()
        signed = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
        headers = {"x-signature": signed, "content-type": "application/json"}
        with suppress(httpx.TransportError):
            reply = httpx.post(f"{self._server.base_url}{self._path}", content=content, headers=headers, timeout=20, trust_env=False)
            if reply.status_code == 202:
                self.acknowledged.add(number)


def kill_everything(server: RealServer) -> None:
    """SIGKILL to the supervisor, the API, the workers and the database."""
    database = postgres.status(server.data_dir)
    assert database is not None
    left = [*server.children(), database.pid]
    server.kill()
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_each_acknowledged_event_has_one_run_although_everything_was_killed_amid_them(make_server: MakeServer) -> None:
    server = make_server()
    config = {"scheme": "hmac", "signatureHeader": "X-Signature", "idPath": "id", "typePath": "type", "secret": SECRET}
    fields = {"integrationSlug": "webhook", "slug": "hook", "name": "Hook", "config": config}
    connector = server.call("connection.connector.create", **fields)["connector"]
    tool = server.call("orchestration.tool.create", name="On event")["tool"]
    workflow = tool["workflowUuid"]
    server.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=LINE, formFields=None)
    trigger = {"name": "Event", "type": "connector", "connectorUuid": connector["uuid"], "config": {"types": list[str]()}}
    server.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[trigger])
    sender = Sender(server, urlparse(str(connector["webhookUrl"])).path)
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = [pool.submit(sender.send, number) for number in range(EVENTS)]
        wait_until(lambda: len(sender.acknowledged) >= BEFORE, 30, f"{BEFORE} acknowledged events")
        kill_everything(server)
        for future in sending:
            future.result()
    lost = EVENTS - len(sender.acknowledged)
    assert lost > 0, "everything was sent before the end"
    server.start()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(sender.send, sorted(set(range(EVENTS)) - sender.acknowledged)))
    assert len(sender.acknowledged) == EVENTS
    wait_until(lambda: len(server.rows(ENDED, workflow)) == EVENTS, 30, "the runs of all events")
    assert server.rows("select count(*)::int as n from runs where workflow_uuid = %s", workflow) == [{"n": EVENTS}]
    assert all((row["runs"], row["ends"]) == (1, 1) for row in server.rows(ENDED, workflow))
