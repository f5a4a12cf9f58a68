"""A stateful imitation of Slack's Web API, as its reference pages describe it (read on 2026-11-27), not of our client.

Errors are answers with status 200 and `ok: false`. It keeps channels, their members, users and messages; checks the token, its scopes and
the arguments; lets one message a second into a channel (with short bursts) and as many calls of a method in a minute as its tier allows;
and fails where a test orders it (`control.fail`). Use it inside a test with `tests.simulators.slack.server.running()`.
"""
