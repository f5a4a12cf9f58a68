"""Children are forked from a process that has loaded all they need: they have their own environment, files, signals and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SCRIPT = """
import json, os, signal, sys, types
from cargo_ai.server.processes import children

def say(**facts):
    print(json.dumps(facts), flush=True)

{body}

module = types.ModuleType("cargo_ai.server.processes.worker")
module.main = main
sys.modules[module.__name__] = module
kept, other = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY)
child = children.start("worker", {{"KEPT_FILE": str(kept), "OTHER_FILE": str(other)}}, keep=kept)
{after}
"""


def _run(body: str, after: str) -> list[Any]:
    script = SCRIPT.format(body=body, after=after)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_child_has_its_own_environment_session_and_name_and_only_the_file_it_was_given() -> None:
    body = """
def main():
    def is_open(name):
        try:
            os.fstat(int(os.environ[name]))
        except OSError:
            return False
        return True
    say(environment=sorted(os.environ), kept=is_open("KEPT_FILE"), other=is_open("OTHER_FILE"),
         leads=os.getsid(0) == os.getpid(), name=open("/proc/self/comm").read().strip(), stdin=os.readlink("/proc/self/fd/0"))
    return 3
"""
    after = "sys.stdout.write(child.stdout.readline().decode()); say(code=child.wait(10), again=child.poll())"
    facts, end = _run(body, after)
    environment = facts.pop("environment")
    assert facts == {"kept": True, "other": False, "leads": True, "name": "cargo-ai worker", "stdin": "/dev/null"}
    assert [name for name in environment if not name.startswith("LC_")] == ["KEPT_FILE", "OTHER_FILE"]
    assert end == {"code": 3, "again": 3}


def test_the_handlers_of_the_supervisor_do_not_take_a_childs_signal() -> None:
    body = """
signal.signal(signal.SIGTERM, lambda *_: say(taken=True))

def main():
    say(ready=True)
    signal.pause()
"""
    after = "child.stdout.readline(); child.send_signal(signal.SIGTERM); say(code=child.wait(10))"
    assert _run(body, after) == [{"code": -15}]


def test_a_bug_or_an_exit_ends_the_child_with_a_code_and_says_so() -> None:
    after = "say(code=child.wait(10))"
    assert _run("def main():\n    raise RuntimeError('bad')", after) == [{"code": 1}]
    assert _run("def main():\n    sys.exit(4)", after) == [{"code": 4}]


def test_waiting_for_a_child_that_goes_on_ends_in_time_and_killing_it_ends_it() -> None:
    after = """
import subprocess
try:
    child.wait(0.05)
except subprocess.TimeoutExpired:
    say(late=True)
child.kill()
say(code=child.wait(10))
child.send_signal(signal.SIGTERM)
"""
    assert _run("def main():\n    signal.pause()", after) == [{"late": True}, {"code": -9}]


def test_what_goes_wrong_in_a_forked_process_is_written_where_its_parent_says() -> None:
    body = "def main():\n    return 0"
    after = """
reader, writer = os.pipe()
def break_off():
    say(begins=True)
    raise RuntimeError("broken off")
other = children.fork("cargo-ai other", break_off, {}, errors=writer)
os.close(writer)
said = json.loads(other.stdout.readline())
say(said=said, code=other.wait(10), error=os.fdopen(reader).read().splitlines()[-1])
"""
    assert _run(body, after) == [{"said": {"begins": True}, "code": 1, "error": "RuntimeError: broken off"}]


def test_children_import_nothing_that_could_be_shared() -> None:
    script = """
import sys, uvicorn
from cargo_ai.server.processes import api, worker
api.load()
worker.load()
before = set(sys.modules)
worker.Queue()
config = uvicorn.Config(api.Starlette())
config.load()
config.get_loop_factory()
print([*(name for name in sys.modules if name not in before and name != "uvicorn.loops.uvloop")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
