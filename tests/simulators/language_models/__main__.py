"""python -m tests.simulators.language_models --port 8130

Prints the URL of OpenAI's interface and its key, and answers until it is stopped. It repeats what it is told, and is no model.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.language_models.control import KEY, Control
from tests.simulators.language_models.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.language_models", description="An imitation of language models.")
    parser.add_argument("--port", type=int, default=8130, help="0 for a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/openai {KEY}", flush=True)
    server_of(build(Control())).run([listening])


if __name__ == "__main__":
    main()
