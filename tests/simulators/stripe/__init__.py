"""A stateful imitation of Stripe's REST interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps customers, subscriptions, invoices, charges, products and prices, and an event of each change; takes the key as Bearer or as
the user of Basic; wants forms, and refuses fields and filters that it does not know; lists the newest first with `starting_after` and
`ending_before`; finds by a part of the search language; answers a repeated `Idempotency-Key` as the first time, and refuses it with
other values; lets as many calls through in a second as it says; and fails where a test orders it (`control.fail`). Use it inside a
test with `tests.simulators.stripe.server.running()`, or by hand with `python -m tests.simulators.stripe`.

Where the pages say less than is needed: an event that is named as a place in a list need not be of the types that are asked for.
"""
