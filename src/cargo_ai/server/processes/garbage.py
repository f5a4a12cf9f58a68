"""Python's garbage collector in processes that live long: it need not look again and again at what was loaded when they began."""

from __future__ import annotations

import gc

# Python's own 700 is for small programs: hundreds of calls under way make that many objects within milliseconds.
OBJECTS = 10_000


def spare_what_is_loaded() -> None:
    """Leave out of all later collections what is there now: some 200,000 objects, which took a fifth of a busy worker's time.

    Call it once, when everything is loaded. Whatever dies later is collected as before. What has died is collected now, but not where
    the process was forked from one that had left out most of it: a collection writes to what they share, for little.
    """
    if not gc.get_freeze_count():
        gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
