"""python -m tests.simulators.attio --port 8124 [--reads 100] [--writes 25]

Prints its URL and its token, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.attio.control import TOKEN, Control, Numbers
from tests.simulators.attio.server import server_of


def main() -> None:
    """Run until the process is stopped."""
    usual = Numbers()
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.attio", description="An imitation of Attio's HTTP interface.")
    parser.add_argument("--port", type=int, default=8124, help="0 for a free one")
    parser.add_argument("--reads", type=int, default=usual.reads, help="reads in a second")
    parser.add_argument("--writes", type=int, default=usual.writes, help="writes in a second")
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/v2 {TOKEN}", flush=True)
    server_of(Control(Numbers(options.reads, options.writes))).run([listening])


if __name__ == "__main__":
    main()
