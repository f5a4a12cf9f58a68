"""python -m tests.simulators.zero_bounce --port 8126

Prints its URL and its key, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.running import server_of
from tests.simulators.zero_bounce.control import KEY, Control
from tests.simulators.zero_bounce.server import build


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.zero_bounce", description="An imitation of ZeroBounce's interface.")
    parser.add_argument("--port", type=int, default=8126, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/v2 {KEY}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
