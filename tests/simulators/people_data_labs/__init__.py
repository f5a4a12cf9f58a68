"""A stateful imitation of People Data Labs' interface, as its pages describe it (read on 2026-11-27), not of our client.

It keeps people, companies and credits; charges each match and each record of a search, also the second time; answers 404 where nothing
is found; pages searches by `scroll_token`; refuses fields that it does not know, LIMIT in SQL and enrichments without enough to go by;
counts the calls of each endpoint in a minute and says in headers what is left of them and of the credits; and fails where a test orders it
(`control.fail`). Use it inside a test with `tests.simulators.people_data_labs.server.running()`, or by hand with
`python -m tests.simulators.people_data_labs`.

Of Elasticsearch's language it knows term, match, exists and bool.must; of SQL, equality joined by AND.
"""
