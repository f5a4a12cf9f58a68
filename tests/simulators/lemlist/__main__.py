"""python -m tests.simulators.lemlist --port 8134

Prints its URL and its key, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.lemlist.control import KEY, Control
from tests.simulators.lemlist.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.lemlist", description="An imitation of lemlist.")
    parser.add_argument("--port", type=int, default=8134, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/api {KEY}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
