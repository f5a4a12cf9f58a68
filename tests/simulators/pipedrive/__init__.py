"""A stateful imitation of Pipedrive's interface of version 2, as its pages describe it (read on 2026-11-27), not of our client.

It keeps persons, organizations, deals and activities, with custom fields under hashes; lists them by cursor, ids and time of change; finds
them by exact words, also by one field; refuses fields that it does not have; takes tokens for each call from a day's budget, and calls in
bursts of two seconds, and says in headers what is left; and finds new records late where a test orders it (`control.lag`). Use it
inside a test with `tests.simulators.pipedrive.server.running()`, or by hand with `python -m tests.simulators.pipedrive`.
"""
