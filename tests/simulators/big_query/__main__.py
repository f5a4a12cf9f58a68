"""python -m tests.simulators.big_query --port 8132 --key-file key.json

Writes the key file of its service account, prints its URL, and answers until it is stopped. It has a table sales.leads.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from tests.simulators.big_query.control import Control
from tests.simulators.big_query.server import build
from tests.simulators.google.sign_in import key_file
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.big_query", description="An imitation of BigQuery.")
    parser.add_argument("--port", type=int, default=8132, help="0 for a free one")
    parser.add_argument("--key-file", type=Path, required=True, help="where the service account's key is written")
    options = parser.parse_args()
    options.key_file.write_text(key_file(), "utf-8")
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
