"""A client that leaves while a file is loaded for it: the load is broken off, and nothing of it stays."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.kit.api_client import COMPANIES
from tests.kit.application import LiveServer

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def until_waiting(link: psycopg.Connection[Any], count: int) -> None:
    """Wait until this many statements wait for a lock."""
    deadline = time.monotonic() + 30
    while link.execute(WAITING).fetchone() != (count,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_load_ends_with_its_client(live_server: LiveServer, database_url: str) -> None:
    headers = {"Authorization": f"Bearer {live_server.first_workspace.token}"}
    with httpx.Client(base_url=f"{live_server.base_url}/v1", headers=headers, timeout=30) as client:
        dataset = client.get("/storage/datasets/list").json()["datasets"][0]["uuid"]
        config = {"columns": COMPANIES, "idColumnSlug": "domain", "titleColumnSlug": "domain"}
        body = {"slug": "c", "name": "C", "datasetUuid": dataset, "extractorSlug": "defineObject", "config": config}
        reply = client.post("/storage/models", json=body)
        assert reply.status_code == 200, reply.text
        model = reply.json()["model"]["uuid"]
        file = {"file": ("c.csv", b"domain\na.com\n", "text/csv")}
        key = client.post("/workspaceManagement/files/upload", files=file).json()["s3Filename"]
        with psycopg.connect(database_url, autocommit=True) as look, psycopg.connect(database_url) as holder:
            name = holder.execute("select format('%I.%I', schema_name, table_name) from models").fetchone()
            assert name is not None
            holder.execute(f"lock table {name[0]} in access exclusive mode".encode())
            address = urlsplit(live_server.base_url)
            with socket.create_connection((address.hostname, address.port)) as link:
                document = json.dumps({"modelUuid": model, "s3Filename": key}).encode()
                head = f"POST /v1/storage/records/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n"
                link.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(document)}\r\n\r\n".encode() + document)
                until_waiting(look, 1)
            # The client is gone; the lock is still held.
            until_waiting(look, 0)
            holder.rollback()
        listed = client.post("/storage/records/list", json={"modelUuid": model})
        assert listed.status_code == 200, listed.text
        assert listed.json()["records"] == []
