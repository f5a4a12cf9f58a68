"""python -m tests.simulators.snowflake --port 8133 --key-file key.p8

Writes the private key of its user CARGO of the account ACME-PROD, prints its URL, and answers until it is stopped. It has a table LEADS.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from tests.simulators.running import server_of
from tests.simulators.snowflake.control import Control, private_key
from tests.simulators.snowflake.server import build


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.snowflake", description="An imitation of Snowflake's SQL API.")
    parser.add_argument("--port", type=int, default=8133, help="0 for a free one")
    parser.add_argument("--key-file", type=Path, required=True, help="where the user's private key is written")
    options = parser.parse_args()
    options.key_file.write_text(private_key(), "utf-8")
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
