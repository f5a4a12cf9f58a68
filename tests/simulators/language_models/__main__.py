"""python -m tests.simulators.language_models --port 8130

Prints the URL of OpenAI's interface, and answers until it is stopped. It is not a model: it repeats what was said. With `--uses-tools` it
first calls every tool that it is offered, with values of the types that the tool takes, and then says what they gave. With `--slow 5` each
answer comes in pieces over five seconds.
"""

from __future__ import annotations

import argparse
import socket

from tests.simulators.language_models.control import Control, use_tools
from tests.simulators.language_models.server import build
from tests.simulators.running import server_of


def main() -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.language_models", description="An imitation of language models.")
    parser.add_argument("--port", type=int, default=8130, help="0 for a free one")
    parser.add_argument("--uses-tools", action="store_true", help="call what is offered")
    parser.add_argument("--slow", type=float, default=0.0, metavar="SECONDS", help="how long an answer takes to come, in pieces")
    given = parser.parse_args()
    control = Control()
    if given.slow:
        control.fail(path="completions|messages|responses", slow=given.slow, times=1_000_000_000)
    if given.uses_tools:
        control.rules.append(use_tools)
    listening = socket.create_server(("127.0.0.1", given.port))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/openai", flush=True)
    server_of(build(control)).run([listening])


if __name__ == "__main__":
    main()
