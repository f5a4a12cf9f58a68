"""python -m tests.simulators.stripe --port 8131

Prints its URL and its key, and answers until it is stopped.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.running import server_of
from tests.simulators.stripe.control import KEY, Control
from tests.simulators.stripe.server import build


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.stripe", description="An imitation of Stripe's interface.")
    parser.add_argument("--port", type=int, default=8131, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/v1 {KEY}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
