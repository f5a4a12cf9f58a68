"""A stateful imitation of BigQuery's interface v2, as its pages describe it (read on 2026-11-27), not of our client.

It keeps datasets and tables in a database in memory, on which it executes statements with typed parameters; takes each job id once; says of
a dry run what the statement does; lets jobs run for some calls; gives results in pages by token or by index; counts the calls of a second;
and refuses unknown tables, columns and fields. Service accounts sign in at `/token`. Use it inside a test with
`tests.simulators.big_query.server.running()`, or by hand with `python -m tests.simulators.big_query`.

It counts no bytes (a table has 10 MB), and keeps results until it is reset.
"""
