"""python -m tests.simulators.hubspot --port 8123 [--ten-seconds 190] [--search 5] [--day 625000] [--search-lag 1.0]

Prints its URL and answers until it is stopped. Its key is `pat-na1-00000000-0000-4000-8000-000000000001`.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.server import server_of


def main() -> None:
    """Run until the process is stopped."""
    usual = Numbers()
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.hubspot", description="An imitation of HubSpot's HTTP interface.")
    parser.add_argument("--port", type=int, default=8123, help="0 for a free one")
    parser.add_argument("--ten-seconds", type=int, default=usual.ten_seconds, help="requests in 10 seconds with a key")
    parser.add_argument("--search", type=int, default=usual.search, help="searches in a second")
    parser.add_argument("--day", type=int, default=usual.day, help="requests in a day")
    parser.add_argument("--search-lag", type=float, default=1.0, help="seconds until a new record is found by the search")
    options = parser.parse_args()
    numbers = Numbers(ten_seconds=options.ten_seconds, ten_seconds_oauth=usual.ten_seconds_oauth, search=options.search, day=options.day)
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    server_of(Control(numbers, options.search_lag)).run([listening])


if __name__ == "__main__":
    main()
