"""What is loaded at the start is left out of collections, and what dies later is collected."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, weakref
from cargo_ai.server.processes import garbage

class Node: pass

def circle():
    node = Node(); node.itself = node
    return weakref.ref(node)

kept = [Node() for _ in range(1000)]
garbage.spare_what_is_loaded()
later = circle()
assert later() is not None
gc.collect()
assert later() is None
print(gc.get_freeze_count() > 1000, len(gc.get_objects()) < 1000)
"""


def test_what_is_loaded_is_left_out_and_what_dies_later_is_collected() -> None:
    # In a process of its own: the tests' own objects must not be left out.
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_process_that_was_forked_from_one_with_all_of_that_loaded_searches_for_nothing() -> None:
    # A collection would write to what it shares with the others, and each of them have a megabyte more of its own.
    script = SCRIPT.partition("kept =")[0] + "gc.freeze(); early = circle(); garbage.spare_what_is_loaded(); print(early() is not None)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
