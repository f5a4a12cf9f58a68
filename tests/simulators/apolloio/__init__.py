"""A stateful imitation of Apollo's interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps people, organisations, contacts, sequences, mailboxes and credits; matches up to ten people or organisations in a call, and
charges each match, also the second time; gives telephone numbers and what a waterfall finds only afterwards, under the `request_id` of the
call, and says `result_pending` until then; takes `poll_only` or a `webhook_url` for that, and refuses it without; searches in pages; finds
contacts by words; makes contacts twice unless it is asked to look; leaves out contacts who are in a sequence already; counts the
calls of each endpoint in a minute, an hour and 24 hours, says in headers what is left, and refuses what it does not know.
Use it inside a test with `tests.simulators.apolloio.server.running()`, or by hand with `python -m tests.simulators.apolloio`.
"""
