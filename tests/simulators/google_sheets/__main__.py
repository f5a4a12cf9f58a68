"""python -m tests.simulators.google_sheets --port 8131 --key-file key.json [--reads 60] [--writes 60]

Writes the key file of its service account, prints its URL and the id of its spreadsheet, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from tests.simulators.google.sign_in import key_file
from tests.simulators.google_sheets.control import SPREADSHEET, Control, Numbers
from tests.simulators.google_sheets.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.google_sheets", description="An imitation of Google Sheets.")
    parser.add_argument("--port", type=int, default=8131, help="0 for a free one")
    parser.add_argument("--key-file", type=Path, required=True, help="where the service account's key is written")
    parser.add_argument("--reads", type=int, default=Numbers().reads, help="reads in a minute")
    parser.add_argument("--writes", type=int, default=Numbers().writes, help="writes in a minute")
    options = parser.parse_args()
    options.key_file.write_text(key_file(), "utf-8")
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]} {SPREADSHEET}", flush=True)
    server_of(build(Control(Numbers(options.reads, options.writes)))).run([listening])


if __name__ == "__main__":
    main()
