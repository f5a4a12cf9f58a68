"""python -m tests.simulators.salesforce --port 8124 [--page 2000] [--calls 15000] [--seconds 7200]

Prints its URL and answers until it is stopped. Its app is `3MVG9simulated.consumer-key` with `simulated-consumer-secret-0815`.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.salesforce.control import Control, Numbers
from tests.simulators.salesforce.server import server_of


def main() -> None:
    """Run until the process is stopped."""
    usual = Numbers()
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.salesforce", description="An imitation of Salesforce.")
    parser.add_argument("--port", type=int, default=8124, help="0 for a free one")
    parser.add_argument("--page", type=int, default=usual.page, help="records on a page of a query")
    parser.add_argument("--calls", type=int, default=usual.calls, help="calls in a day")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="how long a session lasts")
    options = parser.parse_args()
    control = Control(Numbers(options.page, options.calls, options.seconds))
    listening = socket.create_server(("127.0.0.1", options.port))
    control.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    print(control.url, flush=True)
    server_of(control).run([listening])


if __name__ == "__main__":
    main()
