"""A stateful imitation of lemlist's interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps campaigns, leads and the list of those who are not written to; takes the key as a password without a user; says errors in sentences
that are not JSON; refuses a lead that is in the campaign, with 400, or with `deduplicate` in another one, with 500; unsubscribes where a
lead is deleted without `action=remove`; and takes 20 calls in 2 seconds. Use it inside a test with
`tests.simulators.lemlist.server.running()`, or by hand with `python -m tests.simulators.lemlist`.
"""
