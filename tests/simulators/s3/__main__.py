"""python -m tests.simulators.s3 --port 8134

Prints its URL and its key, and answers until it is stopped. It has a bucket acme-exports.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.running import server_of
from tests.simulators.s3.control import KEY_ID, SECRET, Control
from tests.simulators.s3.server import build


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.s3", description="An imitation of S3.")
    parser.add_argument("--port", type=int, default=8134, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]} {KEY_ID} {SECRET}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
