"""Ask a service in the internet for known vulnerabilities of everything that is pinned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("pypi", "osv")
UNREACHABLE = ("ConnectionError", "not found on PyPI", "ServiceError", "timed out")
OUT_OF_REACH = 75


def main() -> int:
    """Exit code: 0 when none is known, 1 when one is, 75 when no service answers for all packages."""
    files = [word for path in sorted((ROOT / "requirements").glob("*.txt")) if path.name != "held.txt" for word in ("-r", str(path))]
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off")
    for service in SERVICES:
        command = [sys.executable, "-m", "pip_audit", *options, "--vulnerability-service", service, *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            print(f"No known vulnerability, says {service}.")
            return 0
        if not any(sign in done.stderr for sign in UNREACHABLE):
            print(done.stdout + done.stderr)
            return 1
        print(f"{service} does not answer for all packages: {done.stderr.strip().splitlines()[-1][:200]}", file=sys.stderr)
    print("Nothing was audited: run this where one of these services can be reached.", file=sys.stderr)
    return OUT_OF_REACH


if __name__ == "__main__":
    sys.exit(main())
