"""A stateful imitation of HubSpot's documented HTTP interface, version 2026-03.

It follows HubSpot's reference pages as read on 2026-11-27, not our client. Where a public recording of the live service differs from the
page, the recording wins and a comment says so. Start it as a process with `python -m tests.simulators.hubspot --port 8123`, or inside a
test with `tests.simulators.hubspot.server.running()`.

It keeps contacts, companies, deals, tickets and custom objects with their properties, associations, lists, pipelines and owners; it checks
keys and scopes, values and sizes; it counts requests in windows; and it fails where a test orders it (`control`).
"""
