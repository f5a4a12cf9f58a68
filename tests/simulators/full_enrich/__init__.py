"""A stateful imitation of FullEnrich's interface, as its pages describe it (read on 2026-11-27), not of our client.

It takes up to a hundred contacts or addresses in a batch and gives its id; answers 400 (`error.enrichment.in_progress`) until it is
done, and then what was found, with each contact's `custom`; charges what is found, but not the same contact again; ends a batch whose
credits run out with 402; and takes 60 calls in a minute. Use it inside a test with `tests.simulators.full_enrich.server.running()`, or by
hand with `python -m tests.simulators.full_enrich`.
"""
