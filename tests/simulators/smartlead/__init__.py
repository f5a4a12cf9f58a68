"""A stateful imitation of Smartlead's interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps campaigns, leads, categories and a block list; takes the key in the query only; takes up to 400 leads at once and names those
that it left out, or counts them, as older pages have it (`control.names_skipped`); lists by offset; says how many calls are left; and
fails where a test orders it (`control.fail`). Use it inside a test with `tests.simulators.smartlead.server.running()`, or by hand with
`python -m tests.simulators.smartlead`.

Where the pages differ, in the names of counts and of lists: those of the reference of each operation.
"""
