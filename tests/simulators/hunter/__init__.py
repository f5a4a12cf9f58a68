"""A stateful imitation of Hunter's REST interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps people with their addresses and a plan's credits; takes the key in the query or in a header; charges for the same search or
verification once; answers 202 while a verification takes long, 222 where a mail server gives no usable answer, 403 when calls come
too fast, 429 when the plan is used up, 451 for people who do not want to be processed; and fails where a test orders it (`control.fail`).
Use it inside a test with `tests.simulators.hunter.server.running()`, or by hand with `python -m tests.simulators.hunter`.

Where the pages say less than is needed: what is charged for an enrichment is charged each time.
"""
