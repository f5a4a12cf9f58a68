"""A stateful imitation of Salesforce's documented REST interface, version 67.0.

It follows Salesforce's pages as read on 2026-11-27, not our client: objects with fields, external ids and picklists, SOQL (a subset) with
pages, collections of records with a result for each, tokens by client credentials and by consent that end, and the count of a day's calls.
Start it with `python -m tests.simulators.salesforce --port 8124`, or inside a test with `tests.simulators.salesforce.server.running()`.
"""
