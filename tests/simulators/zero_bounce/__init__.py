"""A stateful imitation of ZeroBounce's REST interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps verdicts of addresses and credits; charges each validation, also of the same address, except those that end as unknown; answers
200 with `error` to wrong keys and to accounts without credits; and blocks an account for an hour after 100 bad requests a minute. It fails
where a test orders it (`control.fail`). Use it inside a test with `tests.simulators.zero_bounce.server.running()`, or by hand with
`python -m tests.simulators.zero_bounce`.

Where the pages say less than is needed: a blocked account is answered by 429; errors have a body with `error`.
"""
