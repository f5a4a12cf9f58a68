"""A stateful imitation of Snowflake's SQL API v2, as its pages describe it (read on 2026-11-27), not of our client.

It keeps tables in a database in memory, on which it executes statements with bindings; verifies the tokens that a user's key has signed;
executes a request id once where a repeat says so; lets statements run for some calls; gives results as texts, in partitions; describes and
lists tables; and refuses several statements in one. Use it inside a test with `tests.simulators.snowflake.server.running()`, or by hand
with `python -m tests.simulators.snowflake`.

Partitions have as many rows as a test says. Results are kept until it is reset.
"""
