"""A stateful imitation of Attio's REST interface, as its pages and OpenAPI document describe it (read on 2026-11-27), not of our client.

It keeps objects, attributes, records, lists, entries and members of a workspace; checks the token and its scopes, each value by its type,
unique and required attributes and filters; lets 100 reads and 25 writes through in a second, and says by a date when the next may come;
and fails where a test orders it (`control.fail`). Use it inside a test with `tests.simulators.attio.server.running()`, or by hand with
`python -m tests.simulators.attio`.

Where the pages say less than is needed: a conflict of unique values is `uniqueness_conflict` with status 400, as programs that use the
interface report it; queries of more than 500 records are refused.
"""
