"""A stateful imitation of Google Sheets' interface v4, as its pages describe it (read on 2026-11-27), not of our client.

It keeps spreadsheets with sheets and typed cells; reads ranges in A1 notation as values and as shown; adds and changes cells by
`batchUpdate`, as a whole or not at all; refuses ranges that it cannot parse or that exceed the grid, unknown fields, and what is not shared
with the account; counts reads and writes in a minute; and lists spreadsheets as Drive does. Service accounts sign in at `/token`. Use it
inside a test with `tests.simulators.google_sheets.server.running()`, or by hand with `python -m tests.simulators.google_sheets`.

It computes no formulas: what one shows is the text (computed).
"""
