"""python -m tests.simulators.instantly_v2 --port 8132

Prints its URL and its key, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.instantly_v2.control import KEY, Control
from tests.simulators.instantly_v2.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.instantly_v2", description="An imitation of Instantly's interface.")
    parser.add_argument("--port", type=int, default=8132, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/api/v2 {KEY}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
