"""A stateful imitation of Instantly's API of version 2, as its pages and a recording describe it (read on 2026-11-27), not of our client.

It keeps campaigns, leads and a block list; takes the key as Bearer; refuses fields that it does not know and ids that are none; takes up
to 1,000 leads at once and counts those that it left out; lists in the order of ids; and fails where a test orders it (`control.fail`). Use
it inside a test with `tests.simulators.instantly_v2.server.running()`, or by hand with `python -m tests.simulators.instantly_v2`.

Where the pages say less than is needed: leads that were left out are counted, not named, as the recording has it.
"""
