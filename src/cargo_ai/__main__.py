"""`python -m cargo_ai` is the command line."""

import sys

from cargo_ai.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
