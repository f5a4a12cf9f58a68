"""python -m tests.simulators.pipedrive --port 8133

Prints its URL and its token, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.pipedrive.control import TOKEN, Control
from tests.simulators.pipedrive.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.pipedrive", description="An imitation of Pipedrive.")
    parser.add_argument("--port", type=int, default=8133, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/api/v2 {TOKEN}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
